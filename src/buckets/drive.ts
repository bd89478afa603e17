import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { OscarError } from '../tokens';
import { IListing, IStorage } from './tokens';
import { BucketRow, FolderAmount, ObjectRow, Place } from '../types';
import { Below } from './below';
import { Chunks } from './chunks';
import * as models from './models';
import { asFolder, nameOf, toPath, toPlace } from './paths';

/** What a person is asked before, and told while, many objects are worked on. */
export interface IWork {
  /** Whether to delete or move all that; asked only where it is much. */
  ask(
    verb: 'delete' | 'move',
    place: Place,
    amount: FolderAmount
  ): Promise<boolean>;
  /** Whether to delete an object that cannot be had back. */
  askForGood(place: Place): Promise<boolean>;
  /** Whether to delete a bucket with all that is in it. */
  askBucket(bucket: BucketRow, amount: FolderAmount): Promise<boolean>;
  /** Say how far something is, until it has ended. */
  follow<T>(
    what: string,
    amount: FolderAmount,
    work: (told: (done: number) => void) => Promise<T>
  ): Promise<T>;
}

/**
 * The buckets of a cluster as what the contents API wants of a drive: its root
 * holds the buckets, in them keys are paths. A key has no folder, so folders are
 * what keys have in common.
 */
export class BucketDrive implements IDisposable {
  constructor(options: BucketDrive.IOptions) {
    this.cluster = options.cluster;
    this._storage = options.storage;
    this._work = options.work;
    this._trans = options.trans;
    this._chunks = new Chunks(options.storage.uploads, options.cluster);
    this._below = new Below(options.storage, options.cluster, options.trans);
  }

  readonly cluster: string;

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  /** A folder was listed. */
  get listed(): ISignal<this, IListing> {
    return this._listed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._chunks.dispose();
      Signal.clearData(this);
    }
  }

  /** List in one folder only what begins like that; elsewhere everything. */
  narrow(path: string, starts: string): void {
    this._narrowed = starts ? { path, starts } : undefined;
  }

  async get(
    path: string,
    options: Contents.IFetchOptions = {}
  ): Promise<Contents.IModel> {
    const place = toPlace(path);
    if (!place?.key || options.type === 'directory') {
      return options.content === false
        ? models.folder(path)
        : this._list(path, place);
    }
    if (this._folders.has(path) && options.format === undefined) {
      return options.content === false
        ? models.folder(path)
        : this._list(path, place);
    }
    try {
      return options.content === false
        ? models.file(
            path,
            await this._storage.info(this.cluster, place.bucket, place.key),
            options.type
          )
        : await this._below.read(path, place, options);
    } catch (reason) {
      if (!models.isMissing(reason) || options.format !== undefined) {
        throw reason;
      }
      // No object; perhaps a folder.
      if (!(await this._below.isFolder(place))) {
        throw reason;
      }
      this._folders.add(path);
      return options.content === false
        ? models.folder(path)
        : this._list(path, place);
    }
  }

  getDownloadUrl(path: string): string {
    const { bucket, key } = this._object(path);
    const target = { cluster: this.cluster, bucket, prefix: '' };
    return this._storage.uploads.downloadUrl(target, key);
  }

  async newUntitled(
    options: Contents.ICreateOptions = {}
  ): Promise<Contents.IModel> {
    const folder = toPlace(options.path ?? '');
    if (!folder) {
      throw this._refusal(
        this._trans.__('Buckets are made with “New Bucket…”.')
      );
    }
    const { key } = asFolder(folder);
    const isFolder = options.type === 'directory';
    const stem = isFolder
      ? this._trans.__('Untitled Folder')
      : options.type === 'notebook'
        ? this._trans.__('Untitled')
        : this._trans.__('untitled');
    const extension = isFolder
      ? ''
      : options.type === 'notebook'
        ? '.ipynb'
        : (options.ext ?? '.txt').replace(/^(?=[^.])/, '.');
    const name = await this._below.free(
      folder.bucket,
      key,
      stem,
      extension,
      ''
    );
    const place = { bucket: folder.bucket, key: key + name };
    const path = toPath(place);
    let made: Contents.IModel;
    if (isFolder) {
      await this._storage.makeFolder(
        this.cluster,
        place.bucket,
        `${place.key}/`
      );
      this._folders.add(path);
      made = models.folder(path);
    } else {
      const content = options.type === 'notebook' ? models.EMPTY_NOTEBOOK : '';
      made = models.file(
        path,
        await this._storage.write(
          this.cluster,
          place.bucket,
          place.key,
          content
        ),
        options.type
      );
    }
    this._tell('new', null, made);
    return made;
  }

  async delete(path: string): Promise<void> {
    const place = toPlace(path);
    if (!place) {
      throw this._refusal(this._trans.__('The list of buckets stays.'));
    }
    const { bucket, key } = place;
    if (!key) {
      if (!(await this._deleteBucket(bucket))) {
        return;
      }
    } else if (await this._isFolderAt(path, place)) {
      const prefix = `${key}/`;
      const amount = await this._storage.amount(this.cluster, bucket, prefix);
      if (
        amount.objects > 1 &&
        !(await this._work.ask('delete', place, amount))
      ) {
        return;
      }
      await this._work.follow(
        this._trans.__('Deleting %1', nameOf(key)),
        amount,
        told => this._storage.removeFolder(this.cluster, bucket, prefix, told)
      );
      this._folders.delete(path);
    } else {
      // Core's own question may have been about a trash, which buckets do not have.
      const isReplaced = this._replaced.delete(path);
      if (
        PageConfig.getOption('delete_to_trash') === 'true' &&
        !isReplaced &&
        !(await this._work.askForGood(place))
      ) {
        return;
      }
      await this._storage.removeObject(this.cluster, bucket, key);
    }
    this._tell('delete', { path }, null);
  }

  async rename(oldPath: string, newPath: string): Promise<Contents.IModel> {
    const source = toPlace(oldPath);
    const target = toPlace(newPath);
    if (!source?.key || !target?.key) {
      throw this._refusal(
        source && !source.key
          ? this._trans.__('A bucket keeps its name.')
          : this._trans.__('Files are kept in buckets, not beside them.')
      );
    }
    // Core replaces a file by way of such a name, and has asked before.
    const replaced = /^(.*)\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.exec(
      newPath
    );
    if (replaced) {
      this._replaced.add(replaced[1]);
    }
    let moved: Contents.IModel;
    if (await this._isFolderAt(oldPath, source)) {
      const amount = await this._storage.amount(
        this.cluster,
        source.bucket,
        `${source.key}/`
      );
      if (
        (amount.more || amount.objects > Private.MANY) &&
        !(await this._work.ask('move', source, amount))
      ) {
        return models.folder(oldPath);
      }
      await this._copy(oldPath, source, target, { move: true, amount });
      this._folders.delete(oldPath);
      this._folders.add(newPath);
      moved = models.folder(newPath);
    } else {
      await this._copy(oldPath, source, target, { move: true });
      moved = await this.get(newPath, { content: false });
    }
    this._tell('rename', { path: oldPath }, moved);
    return moved;
  }

  async save(
    path: string,
    options: Partial<Contents.IModel> & Contents.IContentProvisionOptions = {}
  ): Promise<Contents.IModel> {
    const place = this._object(path);
    const chunk = (options as { chunk?: number }).chunk;
    const content = models.bytes(options);
    let stored: ObjectRow | undefined;
    if (options.type === 'directory') {
      await this._storage.makeFolder(
        this.cluster,
        place.bucket,
        `${place.key}/`
      );
      this._folders.add(path);
      const made = models.folder(path);
      this._tell('new', null, made);
      return made;
    } else if (chunk === undefined) {
      stored = await this._storage.write(
        this.cluster,
        place.bucket,
        place.key,
        content as BodyInit
      );
    } else {
      stored = await this._chunks.take(
        place,
        chunk,
        typeof content === 'string'
          ? new TextEncoder().encode(content)
          : content
      );
    }
    if (!stored) {
      // Between two chunks: nothing is there yet.
      return models.pending(path);
    }
    const saved = models.file(path, stored, options.type);
    this._tell('save', null, saved);
    return saved;
  }

  async copy(path: string, toFolder: string): Promise<Contents.IModel> {
    const source = this._object(path);
    const folder = toPlace(toFolder);
    if (!folder) {
      throw this._refusal(
        this._trans.__('Files are kept in buckets, not beside them.')
      );
    }
    const isFolder = await this._isFolderAt(path, source);
    const { key } = asFolder(folder);
    const whole = nameOf(source.key);
    const extension = isFolder ? '' : PathExt.extname(whole);
    const stem = whole.slice(0, whole.length - extension.length);
    const name = await this._below.free(
      folder.bucket,
      key,
      stem,
      extension,
      '-Copy'
    );
    const target = { bucket: folder.bucket, key: key + name };
    const amount = isFolder
      ? await this._storage.amount(
          this.cluster,
          source.bucket,
          `${source.key}/`
        )
      : undefined;
    await this._copy(path, source, target, { move: false, amount });
    const copied = isFolder
      ? models.folder(toPath(target))
      : await this.get(toPath(target), { content: false });
    if (isFolder) {
      this._folders.add(copied.path);
    }
    this._tell('new', null, copied);
    return copied;
  }

  refuseCheckpoint(): never {
    throw this._refusal(this._trans.__('A bucket keeps no checkpoints.'));
  }

  private async _list(
    path: string,
    place: Place | undefined
  ): Promise<Contents.IModel> {
    const starts = this._narrowed?.path === path ? this._narrowed.starts : '';
    const { entries, said, more } = await this._below.list(place, starts);
    for (const entry of entries) {
      if (entry.type === 'directory') {
        this._folders.add(entry.path);
      } else {
        this._folders.delete(entry.path);
      }
    }
    this._listed.emit({ path, said, starts, shown: entries.length, more });
    return { ...models.folder(path), format: 'json', content: entries };
  }

  private async _copy(
    path: string,
    source: Place,
    target: Place,
    { move, amount }: { move: boolean; amount?: FolderAmount }
  ): Promise<void> {
    if (!amount) {
      await this._storage.copy(this.cluster, source, target, { move });
      return;
    }
    const what = move
      ? this._trans.__('Moving %1', PathExt.basename(path))
      : this._trans.__('Copying %1', PathExt.basename(path));
    await this._work.follow(what, amount, told =>
      this._storage.copy(this.cluster, asFolder(source), asFolder(target), {
        move,
        told
      })
    );
  }

  private async _deleteBucket(name: string): Promise<boolean> {
    const [bucket, amount] = await Promise.all([
      this._storage.bucket(this.cluster, name),
      this._storage.amount(this.cluster, name, '')
    ]);
    if (!(await this._work.askBucket(bucket, amount))) {
      return false;
    }
    await this._storage.remove(this.cluster, name);
    return true;
  }

  private async _isFolderAt(path: string, place: Place): Promise<boolean> {
    return this._folders.has(path) || (await this._below.isFolder(place, true));
  }

  private _object(path: string): Place {
    const place = toPlace(path);
    if (!place?.key) {
      throw this._refusal(
        this._trans.__('Files are kept in buckets, not beside them.')
      );
    }
    return place;
  }

  private _refusal(message: string): OscarError {
    const problem = { hint: '', upstream_status: null, line: null };
    return new OscarError({ ...problem, code: 'invalid-request', message });
  }

  private _tell(
    type: Contents.IChangedArgs['type'],
    oldValue: Partial<Contents.IModel> | null,
    newValue: Partial<Contents.IModel> | null
  ): void {
    this._fileChanged.emit({ type, oldValue, newValue });
  }

  private readonly _storage: IStorage;
  private readonly _work: IWork;
  private readonly _trans: TranslationBundle;
  private readonly _chunks: Chunks;
  private readonly _below: Below;
  /** Paths that were last seen to be folders. */
  private readonly _folders = new Set<string>();
  /** Files that are about to be replaced. */
  private readonly _replaced = new Set<string>();
  private _narrowed: { path: string; starts: string } | undefined;
  private _isDisposed = false;
  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private readonly _listed = new Signal<this, IListing>(this);
}

export namespace BucketDrive {
  export interface IOptions {
    cluster: string;
    storage: IStorage;
    work: IWork;
    trans: TranslationBundle;
  }
}

namespace Private {
  /** Objects of a folder that are moved without asking. */
  export const MANY = 20;
}
