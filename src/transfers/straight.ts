import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from '../tokens';

/** Milliseconds that a storage has to answer a page before it counts as out of its reach. */
const REACHED = 5000;
/** Milliseconds after which one that was out of reach is tried again: it may have been away. */
const ANEW = 30_000;

/** Which storages take requests from this page, as far as it was tried. */
export class Reach {
  /** Whether a storage does; `ask` finds out. */
  of(name: string, ask: () => Promise<boolean>): Promise<boolean> {
    const known = this._known.get(name);
    if (known && Date.now() < known.until) {
      return known.asked;
    }
    const asked = ask();
    const one = { asked, until: Infinity };
    this._known.set(name, one);
    asked.then(
      reached => {
        one.until = reached ? Infinity : Date.now() + ANEW;
      },
      () => this._known.delete(name)
    );
    return asked;
  }

  /** It is known of none of its ways any more: it failed. */
  forget(name: string): void {
    this._known.delete(name);
  }

  /** It does not, for now. */
  refuse(name: string): void {
    const asked = Promise.resolve(false);
    this._known.set(name, { asked, until: Date.now() + ANEW });
  }

  private readonly _known = new Map<
    string,
    { asked: Promise<boolean>; until: number }
  >();
}

/** Ask a storage by a link; without cookies, and not for longer than it takes to see that it is out of reach. */
export async function ask(
  url: string,
  init: RequestInit,
  signal?: AbortSignal
): Promise<Response> {
  const stop = new AbortController();
  const leave = (): void => {
    stop.abort(signal?.reason);
  };
  const timer = setTimeout(() => {
    stop.abort();
  }, REACHED);
  signal?.addEventListener('abort', leave);
  if (signal?.aborted) {
    leave();
  }
  try {
    return await fetch(url, {
      ...init,
      credentials: 'omit',
      cache: 'no-store',
      signal: stop.signal
    });
  } finally {
    // What follows, the body of the answer, may take as long as it likes.
    clearTimeout(timer);
  }
}

/** A browser lets no page that is encrypted ask what is not. */
export function mixed(url: string): boolean {
  return location.protocol === 'https:' && url.startsWith('http:');
}

export function failure(
  code: string,
  message: string,
  hint: string
): OscarError {
  const problem = { code, message, hint, upstream_status: null, line: null };
  return new OscarError(problem);
}

/** What passes by itself, what does not; as the server half has it. */
const KINDS: Record<string, string> = {
  XMinioStorageFull: 'storage-full',
  XMinioAdminBucketQuotaExceeded: 'quota-exceeded',
  QuotaExceeded: 'quota-exceeded',
  NoSuchUpload: 'object-not-found',
  NoSuchKey: 'object-not-found',
  NoSuchBucket: 'bucket-not-found',
  AccessDenied: 'not-allowed'
};

/** What a storage says that restarts or is busy; 499 is what MinIO says as it is stopped. */
const FAILED = [499, 500, 502, 503, 504];

/**
 * What a storage says that does not do what it was asked for, where that is
 * final or passes; undefined where it only does not understand a page.
 */
export async function refusal(
  answer: Response,
  trans: TranslationBundle
): Promise<OscarError | undefined> {
  const text = await answer.text().catch(() => '');
  const said = new DOMParser().parseFromString(text, 'application/xml');
  const word = (name: string): string =>
    said.querySelector(name)?.textContent ?? '';
  const code = KINDS[word('Code')] as string | undefined;
  if (code === 'not-allowed' && /expired|not valid yet/.test(word('Message'))) {
    return undefined; // a link that is refused for its time, not for its person
  }
  if (code !== undefined) {
    return failure(code, word('Message'), hints(trans)[code] ?? '');
  }
  return FAILED.includes(answer.status)
    ? failure('storage-failed', trans.__('The storage failed.'), '')
    : undefined;
}

function hints(trans: TranslationBundle): Record<string, string | undefined> {
  return {
    'storage-full': trans.__(
      'Its operator makes room; what was there is as it was.'
    ),
    'quota-exceeded': trans.__(
      'Make room in the bucket, or ask for a larger quota.'
    )
  };
}
