import { ITarget, ITransfer } from './tokens';

/** What is smaller is sent as one; larger files in parts of this size. */
export const PART = 8 * 1024 * 1024;

/** What the state database keeps of an upload that was begun. */
export interface IKept {
  target: ITarget;
  key: string;
  size: number;
  modified: number;
  upload: string;
  part: number;
}

/** A file on its way, and how far it is. */
export class Row implements ITransfer {
  constructor(
    readonly target: ITarget,
    readonly key: string,
    public file: File | undefined
  ) {
    this.id = idOf(target, key);
    this.size = file?.size ?? 0;
    this.modified = file?.lastModified ?? 0;
  }

  /** One that another life of the page began. */
  static left({ target, key, size, modified, upload, part }: IKept): Row {
    const state: ITransfer.State = 'left';
    return Object.assign(new Row(target, key, undefined), {
      ...{ size, modified, upload, part, state }
    });
  }

  get name(): string {
    return this.key.slice(this.target.prefix.length);
  }

  /** What is noted down of it, while there is something to go on with. */
  get kept(): IKept | undefined {
    const { key, modified, part, size, target, upload } = this;
    return upload === undefined
      ? undefined
      : { target, key, size, modified, upload, part };
  }

  /** Whether a file is the one whose upload was begun. */
  isOf(file: File): boolean {
    return this.size === file.size && this.modified === file.lastModified;
  }

  readonly id: string;
  size: number;
  modified: number;
  sent = 0;
  part = PART;
  state: ITransfer.State = 'queued';
  upload: string | undefined;
  way: ITransfer.Way | undefined;
  etag: string | undefined;
  problem: string | undefined;
  hint: string | undefined;
  /** Stops it while it is sent. */
  stop: AbortController | undefined;
}

export function idOf({ bucket, cluster }: ITarget, key: string): string {
  return `${cluster}/${bucket}/${key}`;
}
