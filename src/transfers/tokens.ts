import { ISignal } from '@lumino/signaling';

/** Where files go: a folder of a bucket, `prefix` empty or with a slash at its end. */
export interface ITarget {
  cluster: string;
  bucket: string;
  prefix: string;
}

/** A file to be sent, where it lies below what was chosen, and how it is read again after a reload where it can be. */
export interface IGiven {
  file: File;
  path: string;
  handle?: FileSystemFileHandle;
}

/** An object that is to be, and the id of its upload. */
export interface IWhere {
  target: ITarget;
  key: string;
  id: string;
}

/** A file on its way into a bucket, or an object on its way out of it; `sent` counts bytes that are there. */
export interface ITransfer {
  readonly id: string;
  readonly name: string;
  readonly target: ITarget;
  readonly key: string;
  readonly direction: ITransfer.Direction;
  readonly size: number;
  readonly state: ITransfer.State;
  readonly sent: number;
  /** By which way its bytes go, once that is known. */
  readonly way?: ITransfer.Way;
  /** Of what waits: what for. */
  readonly waitsFor?: ITransfer.Need;
  /** The version of it that is stored, compared with what was sent. */
  readonly etag?: string;
  /** Whether its file can be read again, if a person agrees, though the page was left. */
  readonly atHand: boolean;
  /** Why it failed or waits, in words. */
  readonly problem?: string;
  readonly hint?: string;
}

export namespace ITransfer {
  /**
   * `left` was begun in another life of the page: its file must be read or chosen again.
   * `waiting` goes on by itself, `handed` is in the browser's own hands.
   */
  export type State =
    | 'queued'
    | 'running'
    | 'paused'
    | 'waiting'
    | 'done'
    | 'failed'
    | 'left'
    | 'handed';

  /** Into a bucket, or out of it. */
  export type Direction = 'up' | 'down';

  /** A person who signs in again, or a storage that answers again. */
  export type Need = 'sign-in' | 'storage';

  /** Past the Jupyter server, or through it. */
  export type Way = 'straight' | 'server';
}

/** Files on their way into buckets and out of them, one after the other and two at a time. */
export interface ITransfers {
  readonly rows: readonly ITransfer[];
  readonly changed: ISignal<ITransfers, void>;
  /** Send files; their folders, where they have some, go with them. */
  add(target: ITarget, given: readonly IGiven[]): void;
  pause(id: string): void;
  /** Go on with one that is paused, waits or failed. */
  resume(id: string): void;
  /** Stop it and leave nothing of it in the storage. */
  cancel(id: string): Promise<void>;
  /** Forget those that are done. */
  clear(): void;
}

export namespace TransferCommands {
  /** Choose files, or with `folder` a folder, and send them to `path` (bucket/folder/). */
  export const upload = 'jupyter-oscar:upload';
  /** Write an object of a bucket to a file of the person's machine. */
  export const download = 'jupyter-oscar:download';
  export const show = 'jupyter-oscar:show-transfers';
  /** What was begun in a bucket and never finished. */
  export const unfinished = 'jupyter-oscar:unfinished-uploads';
  /** Save a folder of a bucket as one ZIP file. */
  export const saveFolder = 'jupyter-oscar:save-folder';
}
