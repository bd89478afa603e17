import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { IStorage } from '../buckets/tokens';
import { readAgain } from './chosen';
import { Kept } from './kept';
import { receive } from './receiving';
import { idOf, Row } from './row';
import { Sender } from './sending';
import { Sink } from './sink';
import { UploadStorage } from './storage';
import { IGiven, ITarget, ITransfer, ITransfers } from './tokens';
import { Waiting } from './waiting';
import { needOf, why } from './words';

/** Files that are under way at once. */
const FILES = 2;

/**
 * The queue. What has arrived of a file stands in the storage; what is kept here
 * is only which upload was whose, so that a file that is chosen again goes on.
 */
export class Transfers implements ITransfers {
  constructor(
    private readonly _storage: UploadStorage,
    private readonly _kept: Kept,
    private readonly _trans: TranslationBundle
  ) {
    const changed = (): void => {
      this._changed.emit();
    };
    this._sender = new Sender({
      storage: _storage,
      changed,
      begun: row => {
        const isWanted = this._rows.get(row.id) === row;
        if (isWanted) {
          this._keep(row);
        }
        return isWanted;
      },
      ended: upload => {
        this._forget(upload);
      }
    });
    this._waiting = new Waiting({
      rows: cluster => this._waitingFor(cluster),
      answers: row => this._answers(row),
      goOn: ({ id }) => {
        this.resume(id);
      }
    });
    this.restored = this._restore().catch(console.warn);
  }

  readonly restored: Promise<void>;

  get rows(): readonly ITransfer[] {
    return [...this._rows.values()];
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  add(target: ITarget, given: readonly IGiven[]): void {
    for (const { file, handle, path } of given) {
      const key = target.prefix + path;
      const there = this._rows.get(idOf(target, key));
      if (there?.stop) {
        continue; // it is on its way
      }
      const row = Row.up(target, key, file, handle);
      if (there?.upload !== undefined) {
        if (there.isOf(file)) {
          Object.assign(row, { upload: there.upload, part: there.part });
          this._keep(row);
        } else {
          // Another file of that name: what has arrived is of no use to it.
          this._sender.forget(there);
        }
      }
      this._rows.set(row.id, row);
    }
    this._tell();
  }

  /** Write objects to files of the person's machine. */
  fetch(
    target: ITarget,
    objects: readonly { key: string; size: number; sink: Sink }[]
  ): void {
    for (const { key, sink, size } of objects) {
      const row = Row.down(target, key, size, sink);
      const there = this._rows.get(row.id);
      there?.stop?.abort();
      there?.sink?.restart().catch(console.warn);
      this._rows.set(row.id, row);
    }
    this._tell();
  }

  /** Have the browser fetch an object by its own means: how far it is is not known. */
  hand(target: ITarget, key: string, give: Row['give']): void {
    const row = Object.assign(new Row(target, key, 'down'), { give });
    this._rows.set(row.id, row);
    this._tell();
  }

  /** Whether a file is one that was begun and is gone on with. */
  goesOn(target: ITarget, { file, path }: IGiven): boolean {
    const there = this._rows.get(idOf(target, target.prefix + path));
    return there?.upload !== undefined && there.isOf(file);
  }

  /** The file of an upload that was left, if it is at hand and the person lets it be read; else it must be chosen. */
  async fileOf(id: string): Promise<File | undefined> {
    const row = this._rows.get(id);
    const file = row?.handle && (await readAgain(row.handle));
    if (row && !(file && row.isOf(file))) {
      row.handle = undefined;
      this._changed.emit();
    }
    return file;
  }

  /** Go on with an upload that was left, with its file; another one is refused. */
  chosen(id: string, file: File): void {
    const row = this._rows.get(id);
    if (row?.state !== 'left') {
      return;
    }
    const trans = this._trans;
    const name = row.name.slice(row.name.lastIndexOf('/') + 1);
    if (file.name === name && row.isOf(file)) {
      row.file = file;
      row.state = 'queued';
      row.problem = row.hint = undefined;
    } else {
      row.problem =
        file.name === name
          ? trans.__('%1 was changed since its upload began.', name)
          : trans.__('%1 is another file than %2.', file.name, name);
      row.hint = trans.__(
        'Choose the one that was begun, or cancel its upload and send the new one.'
      );
    }
    this._tell();
  }

  pause(id: string): void {
    const row = this._rows.get(id);
    if (row && ['running', 'queued', 'waiting'].includes(row.state)) {
      row.state = 'paused';
      row.stop?.abort();
      this._tell();
    }
  }

  resume(id: string): void {
    const row = this._rows.get(id);
    if (row?.able && ['paused', 'waiting', 'failed'].includes(row.state)) {
      row.state = 'queued';
      row.problem = row.hint = undefined;
      this._tell();
    }
  }

  /** Something is known of a cluster that may let what waits for it go on: see. */
  goOn(cluster: string): void {
    this._waiting.look(cluster);
  }

  async cancel(id: string): Promise<void> {
    const row = this._rows.get(id);
    if (!row) {
      return;
    }
    this._rows.delete(id);
    row.stop?.abort();
    this._tell();
    const { key, sink, state, target, upload } = row;
    if (upload !== undefined) {
      this._forget(upload);
      await this._storage.giveUp({ target, key, id: upload });
    }
    if (state !== 'done') {
      await sink?.discard();
    }
  }

  /** Whether an upload that was begun is one of these. */
  has(upload: string): boolean {
    return [...this._rows.values()].some(row => row.upload === upload);
  }

  clear(): void {
    for (const { id, state } of this.rows) {
      if (state === 'done' || state === 'handed') {
        this._rows.delete(id);
      }
    }
    this._tell();
  }

  /** Whether something would be lost if the page were left now. */
  get busy(): boolean {
    return this.rows.some(
      ({ direction, state }) =>
        ['queued', 'running', 'waiting'].includes(state) ||
        (direction === 'down' && state === 'paused')
    );
  }

  private _waitingFor(cluster: string): ITransfer[] {
    return this.rows.filter(
      ({ state, target }) => state === 'waiting' && target.cluster === cluster
    );
  }

  /** Whether the storage can be asked for what a transfer needs. */
  private async _answers({ key, target }: ITransfer): Promise<boolean> {
    try {
      await this._storage.info(target, key);
      return true;
    } catch (reason) {
      // What else is wrong is told when it is tried.
      return needOf(reason) === undefined;
    }
  }

  private _tell(): void {
    this._changed.emit();
    let free = FILES;
    const next: Row[] = [];
    for (const row of this._rows.values()) {
      if (row.stop) {
        free -= 1;
      } else if (row.state === 'queued' && row.able && next.length < FILES) {
        next.push(row);
      }
    }
    for (const row of next.slice(0, Math.max(0, free))) {
      void this._run(row);
    }
  }

  private async _run(row: Row): Promise<void> {
    const stop = new AbortController();
    row.stop = stop;
    row.state = 'running';
    row.problem = row.hint = row.waitsFor = undefined;
    this._changed.emit();
    try {
      if (row.give) {
        row.way = await row.give(() => {
          this._refused(row);
        });
        row.state = 'handed';
      } else {
        row.etag = await this._do(row, stop.signal);
        row.state = 'done';
        row.sent = row.size;
        if (row.upload !== undefined) {
          this._forget(row.upload);
        }
        row.upload = row.file = row.sink = undefined;
      }
    } catch (reason) {
      if (!stop.signal.aborted) {
        stop.abort(); // what else of it is under way
        row.waitsFor = needOf(reason);
        row.state = row.waitsFor ? 'waiting' : 'failed';
        [row.problem, row.hint] = why(reason, row, this._trans);
      }
    } finally {
      row.stop = undefined;
      this._tell();
    }
    if (row.waitsFor) {
      this._waiting.add(row.target.cluster);
    }
  }

  /** The browser was answered with something else than the object. */
  private _refused(row: Row): void {
    if (row.state === 'handed') {
      row.state = 'failed';
      row.problem = this._trans.__('The storage did not give it.');
      row.hint = this._trans.__('It may have been restarting: try it again.');
      this._tell();
    }
  }

  private _do(row: Row, signal: AbortSignal): Promise<string> {
    const { file, sink } = row;
    if (sink) {
      return receive(row, sink, {
        storage: this._storage,
        signal,
        changed: () => {
          this._changed.emit();
        },
        trans: this._trans
      });
    }
    if (!file) {
      throw new Error('There is no file.');
    }
    return this._sender.send(row, file, signal);
  }

  private async _restore(): Promise<void> {
    for (const one of await this._kept.take()) {
      const row = Row.left(one);
      try {
        await this._sender.arrived(row);
      } catch (reason) {
        // Nobody can tell now: it is kept until somebody can.
        [row.problem] = why(reason, row, this._trans);
      }
      if (row.upload !== undefined && !this._rows.has(row.id)) {
        this._rows.set(row.id, row);
      }
    }
    this._changed.emit();
  }

  private _keep({ kept }: Row): void {
    if (kept) {
      this._kept.keep(kept).catch(console.warn);
    }
  }

  private _forget(upload: string): void {
    this._kept.forget(upload).catch(console.warn);
  }

  private readonly _rows = new Map<string, Row>();
  private readonly _sender: Sender;
  private readonly _waiting: Waiting;
  private readonly _changed = new Signal<this, void>(this);
}

export namespace Transfers {
  /** What those need who put something into the queue. */
  export interface IUse {
    transfers: Transfers;
    storage: IStorage;
    trans: TranslationBundle;
    /** Show what is on its way. */
    show: () => void;
  }
}
