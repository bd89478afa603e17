import { ISignal } from '@lumino/signaling';

/** Where files go: a folder of a bucket, `prefix` empty or with a slash at its end. */
export interface ITarget {
  cluster: string;
  bucket: string;
  prefix: string;
}

/** A file on its way; `sent` counts bytes that the storage has. */
export interface ITransfer {
  readonly id: string;
  readonly name: string;
  readonly target: ITarget;
  readonly key: string;
  readonly size: number;
  readonly state: ITransfer.State;
  readonly sent: number;
  /** Why it failed, in words. */
  readonly problem?: string;
  readonly hint?: string;
}

export namespace ITransfer {
  /** `left` was begun in another life of the page: its file must be chosen again. */
  export type State =
    'queued' | 'running' | 'paused' | 'done' | 'failed' | 'left';
}

/** Files on their way into buckets, one after the other and two at a time. */
export interface ITransfers {
  readonly rows: readonly ITransfer[];
  readonly changed: ISignal<ITransfers, void>;
  /** Send files; their folders, where they have some, go with them. */
  add(target: ITarget, files: readonly File[]): void;
  pause(id: string): void;
  /** Go on with one that is paused or failed. */
  resume(id: string): void;
  /** Stop it and leave nothing of it in the storage. */
  cancel(id: string): Promise<void>;
  /** Forget those that are done. */
  clear(): void;
}

/** Under which the state database keeps what is unfinished. */
export const TRANSFERS = 'jupyter-oscar:transfers';

export namespace TransferCommands {
  /** Choose files, or with `folder` a folder, and send them to `path` (bucket/folder/). */
  export const upload = 'jupyter-oscar:upload';
  export const show = 'jupyter-oscar:show-transfers';
}
