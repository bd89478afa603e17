import { codeOf, patiently } from './patience';
import { PART, Row } from './row';
import { UploadStorage } from './storage';
import { IWhere } from './tokens';

/** Parts of a file that are sent at once: the server takes two at a time. */
const PARTS = 2;
/** The smallest parts that S3 takes: for proxies that let no more through at once. */
const LEAST = 5 * 1024 * 1024;
/** How often a file is begun anew whose parts the storage has forgotten. */
const ANEW = 2;

/** Sends files, large ones in parts. */
export class Sender {
  constructor(private readonly _options: Sender.IOptions) {}

  /** Send a file; the ETag of its object. In smaller parts where a proxy takes no larger ones. */
  async send(row: Row, file: File, signal: AbortSignal): Promise<string> {
    for (let anew = 0; ; anew += 1) {
      try {
        return await this._sendIn(this._part, row, file, signal);
      } catch (reason) {
        const code = codeOf(reason);
        if (code === 'too-large' && this._part > LEAST) {
          this._part = LEAST;
        } else if (code !== 'object-not-found' || anew === ANEW) {
          throw reason;
        }
        // Some storages forget what was begun when they restart.
        this.forget(row);
      }
    }
  }

  /** The parts that the storage has of an upload that goes on. */
  async arrived(row: Row): Promise<Set<number>> {
    const { key, part, size, target, upload } = row;
    const { storage } = this._options;
    const arrived =
      upload === undefined
        ? undefined
        : await storage.arrived({ target, key, id: upload });
    if (!arrived) {
      this._leave(row); // nothing was begun, or somebody gave it up meanwhile
      return new Set();
    }
    const good = arrived.filter(
      one => one.size === Math.min(part, size - (one.number - 1) * part)
    );
    row.sent = good.reduce((sum, one) => sum + one.size, 0);
    return new Set(good.map(({ number }) => number));
  }

  /** Have the storage forget what has arrived of a file. */
  forget(row: Row): void {
    const { key, target, upload } = row;
    this._leave(row);
    if (upload !== undefined) {
      this._options.storage
        .giveUp({ target, key, id: upload })
        .catch(console.warn);
    }
  }

  private _leave(row: Row): void {
    if (row.upload !== undefined) {
      this._options.ended(row.upload);
    }
    row.upload = undefined;
    row.sent = 0;
  }

  private async _sendIn(
    part: number,
    row: Row,
    file: File,
    signal: AbortSignal
  ): Promise<string> {
    const { key, target } = row;
    const { begun, changed, storage } = this._options;
    if (file.size <= part) {
      row.way = 'server';
      const stored = await patiently(
        () => storage.put(target, key, file, signal),
        signal
      );
      return stored.etag;
    }
    const have = await patiently(() => this.arrived(row), signal);
    if (row.upload === undefined) {
      const upload = await patiently(
        () => storage.begin(target, key, { size: file.size, part }),
        signal
      );
      row.upload = upload.id;
      row.part = upload.part_size;
      if (!begun(row)) {
        this.forget(row); // it was cancelled meanwhile
        throw new DOMException('Cancelled.', 'AbortError');
      }
    }
    const where = { target, key, id: row.upload };
    const missing = Array.from(
      { length: Math.ceil(file.size / row.part) },
      (_, index) => index + 1
    )
      .filter(number => !have.has(number))
      .values();
    const work = async (): Promise<void> => {
      for (const number of missing) {
        const piece = file.slice((number - 1) * row.part, number * row.part);
        row.way = await patiently(
          () => storage.part(where, number, piece, signal),
          signal
        );
        row.sent += piece.size;
        changed();
      }
    };
    await Promise.all(Array.from({ length: PARTS }, work));
    return await this._finish(where, file.size, signal);
  }

  /** Make the object, also where the answer to an earlier try was lost. */
  private async _finish(
    where: IWhere,
    size: number,
    signal: AbortSignal
  ): Promise<string> {
    const { storage } = this._options;
    const look = () => storage.info(where.target, where.key);
    const before = await patiently(look, signal);
    let tried = false;
    return patiently(async () => {
      try {
        return (await storage.finish(where, size)).etag;
      } catch (reason) {
        if (tried && codeOf(reason) === 'object-not-found') {
          const there = await look();
          if (there?.size === size && there.etag !== before?.etag) {
            return there.etag;
          }
        }
        tried = true;
        throw reason;
      }
    }, signal);
  }

  private _part = PART;
}

export namespace Sender {
  export interface IOptions {
    storage: UploadStorage;
    changed: () => void;
    /** An upload has begun: note it down; false where nobody wants it any more. */
    begun: (row: Row) => boolean;
    /** There is nothing of an upload to go on with. */
    ended: (upload: string) => void;
  }
}
