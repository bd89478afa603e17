import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';

import { size } from '../format';
import { OscarError } from '../tokens';
import { IOscarDrives, IStorage } from './tokens';
import { Writer } from './chunks';
import { asFolder, nameOf, toPath, toPlace } from './paths';
import { toBase64 } from './models';
import { below } from './walk';

/** Bytes of a chunk in which Jupyter Server takes what is large. */
const CHUNK = 1024 * 1024;
/** Bytes from which a copy is followed in a notice. */
const FOLLOWED = 4 * 1024 * 1024;

/** A file to be copied: where to, below the folder that was chosen, and its bytes. */
interface IFile {
  name: string;
  size: number;
  open: () => Promise<Response>;
}

/**
 * Copies between drives, which core does not: from the person's files to a
 * bucket and back, and from cluster to cluster. Bytes pass through the page piece
 * by piece; nothing half-copied stays under its name.
 */
export class Transfers {
  constructor(private readonly _options: Transfers.IOptions) {}

  /** Copy files and folders into a folder of another drive. */
  async copy(paths: readonly string[], folder: string): Promise<void> {
    const { trans } = this._options;
    for (const path of paths) {
      const name = PathExt.basename(this._options.contents.localPath(path));
      const follow = new Private.Notice(name, trans);
      try {
        for await (const file of this._files(path)) {
          const target = PathExt.join(folder, file.name);
          if (await this._mayWrite(target, file.name)) {
            await follow.file(file, piece => this._put(file, target, piece));
          }
        }
      } finally {
        follow.end();
      }
    }
  }

  /** The file at a path, or all files in the folder there. */
  private async *_files(path: string): AsyncGenerator<IFile> {
    const ours = this._options.drives.place(path);
    if (ours) {
      yield* this._objects(ours.cluster, ours.path);
      return;
    }
    const { contents } = this._options;
    const top = await contents.get(path, { content: false });
    const below = PathExt.dirname(contents.localPath(path));
    const left: Contents.IModel[] = [top];
    for (let model = left.pop(); model; model = left.pop()) {
      if (model.type === 'directory') {
        const folder = await contents.get(model.path);
        left.push(...(folder.content as Contents.IModel[]));
        continue;
      }
      const { path: at, size: bytes } = model;
      yield {
        name: PathExt.relative(`/${below}`, `/${contents.localPath(at)}`),
        size: bytes ?? 0,
        open: async () =>
          ServerConnection.makeRequest(
            await contents.getDownloadUrl(at),
            { cache: 'no-store' },
            this._options.serverSettings
          ).then(Private.checked)
      };
    }
  }

  private async *_objects(
    cluster: string,
    path: string
  ): AsyncGenerator<IFile> {
    const { storage } = this._options;
    const place = toPlace(path);
    if (!place) {
      return;
    }
    const { bucket, key } = place;
    const one = (name: string, row: { key: string; size: number }): IFile => ({
      name,
      size: row.size,
      open: () => storage.read(cluster, bucket, row.key)
    });
    if (key) {
      const page = await storage.page(cluster, bucket, key, { size: 10 });
      const found = page.objects.find(row => row.key === key);
      if (found) {
        yield one(nameOf(key), found);
        return;
      }
    }
    const top = asFolder(place).key;
    const name = key ? nameOf(key) : bucket;
    for await (const row of below(storage, cluster, bucket, top)) {
      const within = toPath({ bucket, key: row.key.slice(top.length) });
      yield one(`${name}/${within.slice(bucket.length + 1)}`, row);
    }
  }

  private async _mayWrite(target: string, name: string): Promise<boolean> {
    const { contents, trans } = this._options;
    const there = await contents
      .get(target, { content: false })
      .catch(() => undefined);
    if (!there) {
      return true;
    }
    const { button } = await showDialog({
      title: trans.__('Replace %1?', name),
      body: trans.__('There is one of that name already.'),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Keep it') }),
        Dialog.warnButton({ label: trans.__('Replace %1', name) })
      ],
      defaultButton: 0
    });
    return button.accept;
  }

  private async _put(
    file: IFile,
    target: string,
    passed: (bytes: number) => void
  ): Promise<void> {
    const { contents, drives, storage } = this._options;
    const answer = await file.open();
    const ours = drives.place(target);
    const place = ours && toPlace(ours.path);
    if (!ours || !place) {
      await this._save(answer, target, passed);
      return;
    }
    const writer = new Writer(storage.uploads, ours.cluster, place);
    try {
      await Private.pump(answer, CHUNK, async piece => {
        await writer.write(piece);
        passed(piece.length);
      });
      await writer.finish();
    } catch (reason) {
      await writer.giveUp().catch(console.warn);
      throw reason;
    }
    drives.drive(ours.cluster).announce(contents.localPath(target));
  }

  /** Save through the contents API under another name first, which the server writes piece by piece. */
  private async _save(
    answer: Response,
    target: string,
    passed: (bytes: number) => void
  ): Promise<void> {
    const { contents } = this._options;
    await this._makeFolder(PathExt.dirname(target));
    const part = `${target}.part-${UUID.uuid4().slice(0, 8)}`;
    const save = (content: Uint8Array, chunk?: number) =>
      contents.save(part, {
        type: 'file',
        format: 'base64',
        content: toBase64(content),
        ...(chunk === undefined ? {} : { chunk })
      });
    let number = 0;
    let held: Uint8Array | undefined;
    try {
      await Private.pump(answer, CHUNK, async piece => {
        if (held) {
          await save(held, (number += 1));
          passed(held.length);
        }
        held = piece;
      });
      await save(held ?? new Uint8Array(), number ? -1 : undefined);
      await contents.delete(target).catch(() => undefined);
      await contents.rename(part, target);
    } catch (reason) {
      await contents.delete(part).catch(() => undefined);
      throw reason;
    }
  }

  private async _makeFolder(path: string): Promise<void> {
    const { contents } = this._options;
    const local = contents.localPath(path);
    if (!local || local === '.') {
      return;
    }
    const there = await contents
      .get(path, { content: false })
      .catch(() => undefined);
    if (!there) {
      await this._makeFolder(PathExt.dirname(path));
      await contents.save(path, { type: 'directory' });
    }
  }
}

export namespace Transfers {
  export interface IOptions {
    contents: Contents.IManager;
    serverSettings: ServerConnection.ISettings;
    drives: IOscarDrives;
    storage: IStorage;
    trans: TranslationBundle;
  }
}

namespace Private {
  /** A notice of what is large, from its beginning to its end. */
  export class Notice {
    constructor(
      private readonly _name: string,
      private readonly _trans: TranslationBundle
    ) {}

    async file(
      file: IFile,
      put: (passed: (bytes: number) => void) => Promise<void>
    ): Promise<void> {
      let done = 0;
      await put(bytes => {
        done += bytes;
        this._bytes += bytes;
        if (this._bytes < FOLLOWED && !this._id) {
          return;
        }
        const message = this._trans.__(
          'Copying %1: %2',
          file.name === this._name ? this._name : `${this._name}: ${file.name}`,
          this._trans.__('%1 of %2', size(done), size(file.size))
        );
        const progress = file.size ? Math.min(1, done / file.size) : 0;
        if (this._id) {
          Notification.update({ id: this._id, message, progress });
        } else {
          this._id = Notification.emit(message, 'in-progress', {
            autoClose: false,
            progress
          });
        }
      });
    }

    end(): void {
      if (this._id) {
        Notification.dismiss(this._id);
      }
    }

    private _id = '';
    private _bytes = 0;
  }

  /** Hand on what comes in pieces of one size, the last one excepted. */
  export async function pump(
    answer: Response,
    length: number,
    take: (piece: Uint8Array) => Promise<void>
  ): Promise<void> {
    const wanted = Number(answer.headers.get('Content-Length') ?? NaN);
    const encoded = answer.headers.has('Content-Encoding');
    const reader = answer.body?.getReader();
    let held = new Uint8Array(length);
    let filled = 0;
    let all = 0;
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) {
        break;
      }
      let rest: Uint8Array = piece.value;
      all += rest.length;
      while (rest.length) {
        const some = rest.subarray(0, length - filled);
        held.set(some, filled);
        filled += some.length;
        rest = rest.subarray(some.length);
        if (filled === length) {
          await take(held);
          held = new Uint8Array(length);
          filled = 0;
        }
      }
    }
    if (!encoded && !Number.isNaN(wanted) && all !== wanted) {
      throw new Error(`Only ${all} of ${wanted} bytes came.`);
    }
    if (filled) {
      await take(held.slice(0, filled));
    }
  }

  export function checked(answer: Response): Response {
    if (answer.ok) {
      return answer;
    }
    throw new OscarError(
      {
        code: 'failed',
        message: `${answer.status} ${answer.statusText}`,
        hint: '',
        upstream_status: answer.status,
        line: null
      },
      answer
    );
  }
}
