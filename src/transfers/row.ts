import { IKept } from './kept';
import { Sink } from './sink';
import { ITarget, ITransfer } from './tokens';

/** What is smaller is sent as one; larger files in parts of this size. */
export const PART = 8 * 1024 * 1024;

/** A file on its way into a bucket or an object on its way out of it, and how far it is. */
export class Row implements ITransfer {
  constructor(
    readonly target: ITarget,
    readonly key: string,
    readonly direction: ITransfer.Direction = 'up'
  ) {
    this.id = idOf(target, key, direction);
  }

  /** A file that is to be sent. */
  static up(
    target: ITarget,
    key: string,
    file: File,
    handle?: FileSystemFileHandle
  ): Row {
    const { lastModified: modified, size } = file;
    const row = new Row(target, key);
    return Object.assign(row, { file, handle, size, modified });
  }

  /** An object that is to be written to a file of the person's machine. */
  static down(target: ITarget, key: string, size: number, sink: Sink): Row {
    return Object.assign(new Row(target, key, 'down'), { size, sink });
  }

  /** One that another life of the page began. */
  static left({ target, key, ...more }: IKept): Row {
    const state: ITransfer.State = 'left';
    return Object.assign(new Row(target, key), { ...more, state });
  }

  get name(): string {
    return this.key.slice(this.target.prefix.length);
  }

  get atHand(): boolean {
    return this.handle !== undefined;
  }

  /** Whether there is what it needs to be sent or fetched. */
  get able(): boolean {
    return [this.file, this.sink, this.give].some(one => one !== undefined);
  }

  /** What is noted down of it, while there is something to go on with. */
  get kept(): IKept | undefined {
    const { handle, key, modified, part, size, target, upload } = this;
    return upload === undefined
      ? undefined
      : { target, key, size, modified, upload, part, handle };
  }

  /** Whether a file is the one whose upload was begun. */
  isOf(file: File): boolean {
    return this.size === file.size && this.modified === file.lastModified;
  }

  readonly id: string;
  file: File | undefined;
  /** By which the file is read again after a reload. */
  handle: FileSystemFileHandle | undefined;
  sink: Sink | undefined;
  /** Has the browser fetch it; by which way, and told when something else is answered. */
  give: ((refused: () => void) => Promise<ITransfer.Way>) | undefined;
  size = 0;
  modified = 0;
  sent = 0;
  part = PART;
  state: ITransfer.State = 'queued';
  waitsFor: ITransfer.Need | undefined;
  upload: string | undefined;
  way: ITransfer.Way | undefined;
  etag: string | undefined;
  problem: string | undefined;
  hint: string | undefined;
  /** Stops it while it is under way. */
  stop: AbortController | undefined;
}

export function idOf(
  { bucket, cluster }: ITarget,
  key: string,
  direction: ITransfer.Direction = 'up'
): string {
  return `${direction}:${cluster}/${bucket}/${key}`;
}
