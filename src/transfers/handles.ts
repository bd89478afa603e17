import { createStore, del, get, set } from 'idb-keyval';

/**
 * The files of uploads that were begun, where a browser gives a page more of a
 * file than its bytes: after a reload one click lets the page read it again. The
 * state database holds text alone, so the browser's own keeps them.
 */
export class Handles {
  async keep(id: string, handle: FileSystemFileHandle): Promise<void> {
    await set(id, handle, this._store());
  }

  async of(id: string): Promise<FileSystemFileHandle | undefined> {
    return get<FileSystemFileHandle>(id, this._store());
  }

  async forget(id: string): Promise<void> {
    await del(id, this._store());
  }

  private _store(): ReturnType<typeof createStore> {
    return (this._made ??= createStore('jupyter-oscar', 'files'));
  }

  private _made: ReturnType<typeof createStore> | undefined;
}
