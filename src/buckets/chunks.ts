import { PART } from '../transfers/row';
import { UploadStorage } from '../transfers/storage';
import { ITarget, IWhere } from '../transfers/tokens';
import { ObjectRow, Place } from '../types';

/** Milliseconds after which an upload that nobody goes on with is given up. */
const IDLE = 10 * 60 * 1000;

/**
 * An object that comes piece by piece and is sent in parts: what is in memory is
 * one part at most, and nothing is seen under its key before its end.
 */
export class Writer {
  constructor(
    private readonly _uploads: UploadStorage,
    cluster: string,
    { bucket, key }: Place
  ) {
    this._target = { cluster, bucket, prefix: '' };
    this._key = key;
  }

  /** Milliseconds since 1970 at which something was last written. */
  get touched(): number {
    return this._touched;
  }

  /** How many pieces were written. */
  get count(): number {
    return this._count;
  }

  async write(piece: Uint8Array): Promise<void> {
    this._touched = Date.now();
    this._count += 1;
    this._held.push(piece);
    this._size += piece.length;
    if (this._size >= PART) {
      await this._send();
    }
  }

  async finish(): Promise<ObjectRow> {
    if (this._where === undefined) {
      return this._uploads.put(this._target, this._key, new Blob(this._held));
    }
    if (this._size > 0) {
      await this._send();
    }
    return this._uploads.finish(this._where, this._sent);
  }

  /** Leave nothing behind. */
  async giveUp(): Promise<void> {
    this._held.length = 0;
    const where = this._where;
    this._where = undefined;
    if (where !== undefined) {
      await this._uploads.giveUp(where);
    }
  }

  private async _send(): Promise<void> {
    if (this._where === undefined) {
      const target = this._target;
      const { id } = await this._uploads.begin(target, this._key);
      this._where = { target, key: this._key, id };
    }
    const part = new Blob(this._held);
    this._held = [];
    this._size = 0;
    this._parts += 1;
    await this._uploads.part(this._where, this._parts, part);
    this._sent += part.size;
  }

  private _held: Uint8Array[] = [];
  private _size = 0;
  private _count = 0;
  private _touched = Date.now();
  private _parts = 0;
  private _sent = 0;
  private _where: IWhere | undefined;
  private readonly _target: ITarget;
  private readonly _key: string;
}

/**
 * The chunks in which core saves what is larger than 1 MiB, numbered from 1 with
 * -1 for the last, put together again by path.
 */
export class Chunks {
  constructor(
    private readonly _uploads: UploadStorage,
    private readonly _cluster: string
  ) {
    // Who leaves the page leaves what was not finished.
    window.addEventListener('pagehide', this._leave);
  }

  /** Take a chunk; the object when it was the last. */
  async take(
    place: Place,
    chunk: number,
    piece: Uint8Array
  ): Promise<ObjectRow | undefined> {
    const id = `${place.bucket}/${place.key}`;
    this._clean();
    if (chunk === 1) {
      await this._open.get(id)?.giveUp();
      this._open.set(id, new Writer(this._uploads, this._cluster, place));
    }
    const writer = this._open.get(id);
    if (!writer || (chunk > 0 && chunk !== writer.count + 1)) {
      await this._forget(id);
      throw new Error('A part of this upload is missing: send it anew.');
    }
    try {
      await writer.write(piece);
      if (chunk !== -1) {
        return undefined;
      }
      const stored = await writer.finish();
      this._open.delete(id);
      return stored;
    } catch (reason) {
      await this._forget(id).catch(console.warn);
      throw reason;
    }
  }

  dispose(): void {
    window.removeEventListener('pagehide', this._leave);
    this._leave();
  }

  private async _forget(id: string): Promise<void> {
    const writer = this._open.get(id);
    this._open.delete(id);
    await writer?.giveUp();
  }

  private _clean(): void {
    for (const [id, writer] of this._open) {
      if (Date.now() - writer.touched > IDLE) {
        void this._forget(id).catch(console.warn);
      }
    }
  }

  private readonly _leave = (): void => {
    for (const id of [...this._open.keys()]) {
      void this._forget(id).catch(console.warn);
    }
  };

  private readonly _open = new Map<string, Writer>();
}
