import { Contents } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import type { UploadStorage } from '../transfers/storage';
import type { Actions } from './actions';
import {
  BucketRow,
  FolderAmount,
  FolderPage,
  Link,
  NewBucket,
  NewMount,
  ObjectRow,
  Place,
  Sharing,
  StartedJob,
  WatchedBy,
  WorkingDirectory
} from '../types';

/** A page of a folder, from its beginning or from a cursor on. */
export interface IPageOptions {
  cursor?: string;
  size?: number;
}

/** The typed operations on buckets and objects; see IOscarClient. */
export interface IStorage {
  buckets(cluster: string): Promise<BucketRow[]>;
  bucket(cluster: string, name: string): Promise<BucketRow>;
  make(cluster: string, bucket: NewBucket): Promise<BucketRow>;
  share(cluster: string, name: string, sharing: Sharing): Promise<BucketRow>;
  remove(cluster: string, name: string): Promise<void>;
  /** `prefix` is a folder ("a/b/"), or one and the beginning of a name in it. */
  page(
    cluster: string,
    bucket: string,
    prefix: string,
    options?: IPageOptions
  ): Promise<FolderPage>;
  amount(
    cluster: string,
    bucket: string,
    prefix: string
  ): Promise<FolderAmount>;
  makeFolder(cluster: string, bucket: string, prefix: string): Promise<void>;
  removeFolder(
    cluster: string,
    bucket: string,
    prefix: string,
    told?: (done: number) => void
  ): Promise<void>;
  info(cluster: string, bucket: string, key: string): Promise<ObjectRow>;
  read(cluster: string, bucket: string, key: string): Promise<Response>;
  write(
    cluster: string,
    bucket: string,
    key: string,
    content: BodyInit
  ): Promise<ObjectRow>;
  removeObject(cluster: string, bucket: string, key: string): Promise<void>;
  /** Objects to keys, folders ("a/") to folders; what is there is not replaced. */
  copy(
    cluster: string,
    source: Place,
    target: Place,
    options?: { move?: boolean; told?: (done: number) => void }
  ): Promise<void>;
  link(
    cluster: string,
    bucket: string,
    key: string,
    seconds: number
  ): Promise<Link>;
  /** Objects in parts. */
  readonly uploads: UploadStorage;
  /** Which services a file or folder ("a/") starts; of a file also what was seen after it landed. */
  triggers(cluster: string, bucket: string, key: string): Promise<WatchedBy[]>;
  /** The job that a file started, which costs the cluster a list and a few logs. */
  startedJob(
    cluster: string,
    bucket: string,
    key: string,
    service: string
  ): Promise<StartedJob>;
  /** The folders of the Jupyter server that are buckets; see workdir. */
  workingDirectory(cluster: string): Promise<WorkingDirectory>;
  mount(cluster: string, mount: NewMount): Promise<WorkingDirectory>;
  unmount(cluster: string, point: string): Promise<WorkingDirectory>;
}

/** What was listed last of a folder. */
export interface IListing {
  path: string;
  /** What the server said, to know again what has not changed. */
  said: unknown;
  /** Only what begins like that was. */
  starts: string;
  /** How many entries are shown, and whether there are more. */
  shown: number;
  more: boolean;
}

/** The buckets of a cluster as a drive of the contents API. */
export interface IBucketDrive extends Contents.IDrive {
  readonly cluster: string;
  /** A folder was listed. */
  readonly listed: ISignal<IBucketDrive, IListing>;
  /** List in one folder only what begins like that; elsewhere everything. */
  narrow(path: string, starts: string): void;
  /** Say that something was written by another way than this. */
  announce(path: string): void;
}

/** The drives of clusters, one each. */
export interface IOscarDrives {
  /** The drive of a cluster, added to the contents manager when first asked for. */
  drive(cluster: string): IBucketDrive;
  /** The cluster and place that a path of the contents API means, if it is in one of our drives. */
  place(path: string): { cluster: string; path: string } | undefined;
  /** What is selected in a table of ours, and that table. */
  selection: { node: Node; path: string; isFolder: boolean } | undefined;
}

export const IOscarDrives = new Token<IOscarDrives>(
  'jupyter-oscar:IOscarDrives',
  'The buckets of OSCAR clusters as drives.'
);

export type IBucketActions = Actions;

export const IBucketActions = new Token<IBucketActions>(
  'jupyter-oscar:IBucketActions',
  'What commands on buckets and objects are about.'
);

/** Command ids; each is described where it is registered. */
export namespace BucketCommandIDs {
  export const openObject = 'jupyter-oscar:open-object';
  export const deleteObject = 'jupyter-oscar:delete-object';
  export const newFolder = 'jupyter-oscar:new-folder';
  export const newBucket = 'jupyter-oscar:new-bucket';
  export const shareBucket = 'jupyter-oscar:share-bucket';
  export const deleteBucket = 'jupyter-oscar:delete-bucket';
  export const openFolder = 'jupyter-oscar:open-folder';
  export const uploadFiles = 'jupyter-oscar:upload-files';
  export const copyHere = 'jupyter-oscar:copy-to-files';
  export const copyToBucket = 'jupyter-oscar:copy-to-bucket';
  export const copyLink = 'jupyter-oscar:copy-link';
  export const copyS3Path = 'jupyter-oscar:copy-s3-path';
  export const insertReadCell = 'jupyter-oscar:insert-read-cell';
  export const useAsInput = 'jupyter-oscar:use-as-input';
  export const whatStarted = 'jupyter-oscar:what-started';
  export const whoWatches = 'jupyter-oscar:who-watches';
}
