import { TranslationBundle } from '@jupyterlab/translation';

import { patiently } from './patience';
import { Row } from './row';
import { Sink } from './sink';
import { UploadStorage } from './storage';
import { failure } from './straight';

/** Milliseconds after which it is told anew how much has come. */
const TOLD = 100;

/**
 * Write an object to its file, from where it stands; its ETag. It is one version
 * of the object, whoever writes meanwhile, and what breaks off is gone on with.
 */
export async function receive(
  row: Row,
  sink: Sink,
  options: {
    storage: UploadStorage;
    signal: AbortSignal;
    changed: () => void;
    trans: TranslationBundle;
  }
): Promise<string> {
  const { changed, signal, storage, trans } = options;
  let told = 0;
  const tell = (): void => {
    row.sent = sink.at;
    if (Date.now() - told > TOLD) {
      told = Date.now();
      changed();
    }
  };
  tell();
  while (sink.etag === undefined || sink.at < row.size) {
    await patiently(
      async () => {
        const coming = await storage.read(row.target, row.key, sink.at, signal);
        row.way = coming.way;
        sink.etag ??= coming.etag;
        if (coming.etag !== sink.etag || coming.from !== sink.at) {
          await coming.answer.body?.cancel();
          await sink.restart();
          throw Private.replaced(row, trans);
        }
        row.size = sink.at + Private.length(coming.answer, row.size - sink.at);
        const before = sink.at;
        await Private.pump(coming.answer, signal, async piece => {
          await sink.write(piece);
          tell();
        });
        if (sink.at === before && before < row.size) {
          throw failure(
            'storage-failed',
            trans.__('The storage gives nothing.'),
            ''
          );
        }
      },
      signal,
      () => sink.at
    );
  }
  if (sink.at > row.size) {
    await sink.restart();
    throw Private.replaced(row, trans);
  }
  await sink.end();
  return sink.etag;
}

namespace Private {
  export function replaced({ name }: Row, trans: TranslationBundle): Error {
    return failure(
      'replaced',
      trans.__('%1 was replaced in the bucket while it was fetched.', name),
      trans.__('Try it again: it is fetched anew.')
    );
  }

  /** How many bytes come, or are thought to. */
  export function length(answer: Response, thought: number): number {
    const said = answer.headers.get('Content-Length');
    const plain = !answer.headers.has('Content-Encoding');
    return said !== null && plain ? Number(said) : thought;
  }

  /** Hand on what comes; a line that breaks is one that may be gone on with. */
  export async function pump(
    answer: Response,
    signal: AbortSignal,
    take: (piece: Uint8Array) => Promise<void>
  ): Promise<void> {
    const reader = answer.body?.getReader();
    for (;;) {
      const piece = await reader?.read().catch((reason: unknown) => {
        signal.throwIfAborted();
        const message = reason instanceof Error ? reason.message : '';
        throw failure('storage-failed', message, '');
      });
      if (!piece || piece.done) {
        return;
      }
      try {
        await take(piece.value);
      } catch (reason) {
        await reader?.cancel().catch(() => undefined);
        throw reason;
      }
    }
  }
}
