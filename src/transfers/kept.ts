import { createStore, del, set, values } from 'idb-keyval';

import { ITarget } from './tokens';

/** What is kept of an upload that was begun, with what its file is read by where the browser gives a page that. */
export interface IKept {
  target: ITarget;
  key: string;
  size: number;
  modified: number;
  upload: string;
  part: number;
  handle?: FileSystemFileHandle;
}

/**
 * Uploads that outlive the page. The browser keeps them, where their files are:
 * one entry each, so that no tab overwrites another's. A tab holds a lock on those
 * that it lists, so that no other lists them too; where a browser has no locks, as
 * over plain http, every tab lists all.
 */
export class Kept {
  constructor(private readonly _server: string) {}

  /** Note an upload down: it is this tab's. */
  async keep(one: IKept): Promise<void> {
    void this._own(one.upload);
    await set(one.upload, one, this._store());
  }

  /** Whether there is one, whose ever it is. */
  async some(): Promise<boolean> {
    return (await this._all()).length > 0;
  }

  /** Those that no other tab has: they are this one's from now on. */
  async take(): Promise<IKept[]> {
    const all = await this._all();
    const mine = await Promise.all(all.map(({ upload }) => this._own(upload)));
    return all
      .filter((_, index) => mine[index])
      .sort((a, b) => a.key.localeCompare(b.key));
  }

  async forget(upload: string): Promise<void> {
    this._locks.get(upload)?.();
    this._locks.delete(upload);
    await del(upload, this._store());
  }

  private _all(): Promise<IKept[]> {
    return values<IKept>(this._store());
  }

  /** Hold an upload until it is forgotten or the tab is closed; false where another tab holds it. */
  private _own(upload: string): Promise<boolean> {
    const { locks } = navigator as Partial<Navigator>;
    if (!locks || this._locks.has(upload)) {
      return Promise.resolve(true);
    }
    return new Promise((resolve, reject) => {
      locks
        .request(
          `jupyter-oscar upload ${upload}`,
          { ifAvailable: true },
          lock => {
            resolve(lock !== null);
            return lock
              ? new Promise<void>(release => this._locks.set(upload, release))
              : undefined;
          }
        )
        .catch(reject);
    });
  }

  private _store(): ReturnType<typeof createStore> {
    return (this._made ??= createStore(
      `jupyter-oscar ${this._server}`,
      'uploads'
    ));
  }

  private readonly _locks = new Map<string, () => void>();
  private _made: ReturnType<typeof createStore> | undefined;
}
