import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { words } from '../commands';
import { IOscarClient, IOscarModel } from '../tokens';
import { IBucketDrive, IListing, IOscarDrives } from './tokens';
import type { BucketDrive } from './drive';
import { driveName } from './paths';

const KEY = 'jupyter-oscar:drives';

/**
 * A drive for each cluster. Those that were there in this workspace are added
 * again at the start, before Lab opens the documents that were open in them.
 */
export const drivesPlugin: JupyterFrontEndPlugin<IOscarDrives> = {
  id: 'jupyter-oscar:drives',
  description: 'Adds the buckets of OSCAR clusters as drives.',
  autoStart: true,
  provides: IOscarDrives,
  requires: [IOscarClient, IOscarModel],
  optional: [IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    state: IStateDB | null,
    translator: ITranslator | null
  ): IOscarDrives => {
    const trans = words(translator);
    const { contents, serverSettings } = app.serviceManager;
    const drives = new Map<string, Door>();

    const add = (cluster: string): Door => {
      const drive = new Door(cluster, serverSettings, async () => {
        const [{ BucketDrive }, { work }, storage] = await Promise.all([
          import('./drive'),
          import('./work'),
          client.storage()
        ]);
        return new BucketDrive({ cluster, storage, work: work(trans), trans });
      });
      drives.set(drive.name, drive);
      contents.addDrive(drive);
      return drive;
    };
    const drive = (cluster: string): Door => {
      const there = drives.get(driveName(cluster));
      if (there) {
        return there;
      }
      const added = add(cluster);
      const clusters = [...drives.values()].map(one => one.cluster);
      state?.save(KEY, { clusters }).catch(console.warn);
      return added;
    };
    model.clusters.changed.connect(({ rows }) => {
      for (const { name } of rows ?? []) {
        drive(name);
      }
    });
    // Not awaited: the workspace is read only after all plugins have started.
    void state
      ?.fetch(KEY)
      .then(kept => {
        const { clusters } = (kept ?? {}) as { clusters?: unknown };
        for (const name of Array.isArray(clusters) ? clusters : []) {
          if (typeof name === 'string' && !drives.has(driveName(name))) {
            add(name);
          }
        }
      })
      .catch(console.warn);

    return {
      drive,
      selection: undefined,
      place: path => {
        const found = drives.get(contents.driveName(path));
        return (
          found && { cluster: found.cluster, path: contents.localPath(path) }
        );
      }
    };
  }
};

/**
 * The drive of a cluster as Lab knows it from the start. What it does is fetched
 * when somebody first wants something of it.
 */
export class Door implements IBucketDrive {
  constructor(
    readonly cluster: string,
    readonly serverSettings: ServerConnection.ISettings,
    private readonly _make: () => Promise<BucketDrive>
  ) {
    this.name = driveName(cluster);
  }

  readonly name: string;

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get listed(): ISignal<this, IListing> {
    return this._listed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      void this._drive?.then(drive => {
        drive.dispose();
      });
      Signal.clearData(this);
    }
  }

  narrow(path: string, starts: string): void {
    void this._open().then(drive => {
      drive.narrow(path, starts);
    });
  }

  announce(path: string): void {
    this._fileChanged.emit({
      type: 'save',
      oldValue: null,
      newValue: { path }
    });
  }

  async get(
    path: string,
    options?: Contents.IFetchOptions
  ): Promise<Contents.IModel> {
    return (await this._open()).get(path, options);
  }

  async getDownloadUrl(path: string): Promise<string> {
    return (await this._open()).getDownloadUrl(path);
  }

  async newUntitled(
    options?: Contents.ICreateOptions
  ): Promise<Contents.IModel> {
    return (await this._open()).newUntitled(options);
  }

  async delete(path: string): Promise<void> {
    await (await this._open()).delete(path);
  }

  async rename(oldPath: string, newPath: string): Promise<Contents.IModel> {
    return (await this._open()).rename(oldPath, newPath);
  }

  async save(
    path: string,
    options?: Partial<Contents.IModel> & Contents.IContentProvisionOptions
  ): Promise<Contents.IModel> {
    return (await this._open()).save(path, options);
  }

  async copy(path: string, toFolder: string): Promise<Contents.IModel> {
    return (await this._open()).copy(path, toFolder);
  }

  // A bucket keeps no versions: nothing is asked for, and nothing pretended.

  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    const last_modified = new Date().toISOString();
    return Promise.resolve({ id: 'none', last_modified });
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }

  async restoreCheckpoint(): Promise<void> {
    (await this._open()).refuseCheckpoint();
  }

  deleteCheckpoint(): Promise<void> {
    return Promise.resolve();
  }

  private async _open(): Promise<BucketDrive> {
    this._drive ??= this._make().then(drive => {
      drive.fileChanged.connect((_, change) => {
        this._fileChanged.emit(change);
      }, this);
      drive.listed.connect((_, listing) => {
        this._listed.emit(listing);
      }, this);
      return drive;
    });
    return this._drive;
  }

  private _drive: Promise<BucketDrive> | undefined;
  private _isDisposed = false;
  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private readonly _listed = new Signal<this, IListing>(this);
}
