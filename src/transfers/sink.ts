/**
 * A file of the person's machine that is written piece by piece. The browser
 * writes beside it: under its name stands nothing of it before its end.
 */
export class Sink {
  /** `_place` is the file, or gives it when there is something to write. */
  constructor(
    private _place: FileSystemFileHandle | (() => Promise<FileSystemFileHandle>)
  ) {}

  /** How many bytes it has, and of which version of the object. */
  get at(): number {
    return this._at;
  }

  etag: string | undefined;

  async write(piece: Uint8Array): Promise<void> {
    try {
      this._writing ??= await this._open();
      await this._writing.write(piece);
      this._at += piece.length;
    } catch (reason) {
      // What had come went with it.
      this._writing = undefined;
      this._begin();
      throw new NotWritten(reason);
    }
  }

  /** Forget what has come. */
  async restart(): Promise<void> {
    const writing = this._writing;
    this._writing = undefined;
    this._begin();
    await writing?.abort();
  }

  /** Let it stand under its name. */
  async end(): Promise<void> {
    try {
      this._writing ??= await this._open();
      await this._writing.close();
    } catch (reason) {
      this._writing = undefined;
      this._begin();
      throw new NotWritten(reason);
    }
  }

  /** Leave nothing, not even the empty file that was made when its name was chosen. */
  async discard(): Promise<void> {
    await this.restart();
    const place = this._place;
    if (typeof place !== 'function' && (await place.getFile()).size === 0) {
      await (place as Private.IRemovable).remove?.();
    }
  }

  private async _open(): Promise<FileSystemWritableFileStream> {
    if (typeof this._place === 'function') {
      this._place = await this._place();
    }
    return this._place.createWritable();
  }

  private _begin(): void {
    this._at = 0;
    this.etag = undefined;
  }

  private _at = 0;
  private _writing: FileSystemWritableFileStream | undefined;
}

/** A file of the person's machine cannot be written. */
export class NotWritten extends Error {
  constructor(readonly reason: unknown) {
    super(reason instanceof Error ? reason.message : String(reason));
  }

  /** Whether there is no room for it. */
  get isFull(): boolean {
    return (
      this.reason instanceof DOMException &&
      this.reason.name === 'QuotaExceededError'
    );
  }
}

namespace Private {
  /** What some browsers have beyond the standard. */
  export interface IRemovable {
    remove?: () => Promise<void>;
  }
}
