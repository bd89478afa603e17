import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { OscarError } from '../tokens';
import { IKept, idOf, PART, Row } from './row';
import { UploadStorage } from './storage';
import { ITarget, ITransfer, ITransfers, IWhere, TRANSFERS } from './tokens';

/** Files that are sent at once, and parts of each: the server takes two parts at a time. */
const FILES = 2;
const PARTS = 2;
/** The smallest parts that S3 takes: for proxies that let no more through at once. */
const LEAST = 5 * 1024 * 1024;
/** How often a part is sent again, how many milliseconds later at first and at most. */
const AGAIN = 6;
const WAIT = 500;
const LONGEST = 8000;
/** How often a file is begun anew whose parts the storage has forgotten. */
const ANEW = 2;

/**
 * The queue. What has arrived of a file stands in the storage; what is kept here
 * is only which upload was whose, so that a file that is chosen again goes on.
 */
export class Transfers implements ITransfers {
  constructor(
    private readonly _storage: UploadStorage,
    private readonly _state: IStateDB | null,
    private readonly _trans: TranslationBundle
  ) {
    this.restored = this._restore().catch(console.warn);
  }

  readonly restored: Promise<void>;

  get rows(): readonly ITransfer[] {
    return [...this._rows.values()];
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  add(target: ITarget, files: readonly File[]): void {
    for (const file of files) {
      const key = target.prefix + Private.path(file);
      const there = this._rows.get(idOf(target, key));
      if (there?.stop) {
        continue; // it is on its way
      }
      const row = new Row(target, key, file);
      if (there?.upload !== undefined) {
        if (there.isOf(file)) {
          Object.assign(row, { upload: there.upload, part: there.part });
        } else {
          // Another file of that name: what has arrived is of no use to it.
          this._forget(there);
        }
      }
      this._rows.set(row.id, row);
    }
    this._tell();
  }

  /** Whether a file is one that was begun and is gone on with. */
  goesOn(target: ITarget, file: File): boolean {
    const there = this._rows.get(
      idOf(target, target.prefix + Private.path(file))
    );
    return there?.upload !== undefined && there.isOf(file);
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
    if (row?.file && ['paused', 'waiting', 'failed'].includes(row.state)) {
      row.state = 'queued';
      row.problem = row.hint = undefined;
      this._tell();
    }
  }

  /** Their person has signed in to a cluster: go on. */
  goOn(cluster: string): void {
    for (const { id } of this._waiting(cluster)) {
      this.resume(id);
    }
  }

  async cancel(id: string): Promise<void> {
    const row = this._rows.get(id);
    if (!row) {
      return;
    }
    this._rows.delete(id);
    row.stop?.abort();
    this._tell();
    const { target, key, upload } = row;
    if (upload !== undefined) {
      await this._storage.giveUp({ target, key, id: upload });
    }
  }

  /** Whether an upload that was begun is one of these. */
  has(upload: string): boolean {
    return [...this._rows.values()].some(row => row.upload === upload);
  }

  clear(): void {
    for (const { id, state } of this.rows) {
      if (state === 'done') {
        this._rows.delete(id);
      }
    }
    this._tell();
  }

  /** Whether something would be lost if the page were left now. */
  get busy(): boolean {
    return this.rows.some(({ state }) =>
      ['queued', 'running', 'waiting'].includes(state)
    );
  }

  private _waiting(cluster: string): ITransfer[] {
    return this.rows.filter(
      ({ state, target }) => state === 'waiting' && target.cluster === cluster
    );
  }

  private _tell(): void {
    this._changed.emit();
    this._save();
    let free = FILES;
    const next: Row[] = [];
    for (const row of this._rows.values()) {
      if (row.stop) {
        free -= 1;
      } else if (row.state === 'queued' && row.file && next.length < FILES) {
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
    row.problem = row.hint = undefined;
    this._changed.emit();
    try {
      row.etag = await this._send(row, stop.signal);
      row.state = 'done';
      row.sent = row.size;
      row.upload = undefined;
      row.file = undefined;
    } catch (reason) {
      if (!stop.signal.aborted) {
        stop.abort(); // what else of it is under way
        const waits = Private.code(reason) === 'not-authenticated';
        row.state = waits ? 'waiting' : 'failed';
        [row.problem, row.hint] = this._words(reason, row);
      }
    } finally {
      row.stop = undefined;
      this._tell();
    }
  }

  /** Send a file; the ETag of its object. In smaller parts where a proxy takes no larger ones. */
  private async _send(row: Row, signal: AbortSignal): Promise<string> {
    for (let anew = 0; ; anew += 1) {
      try {
        return await this._sendIn(this._part, row, signal);
      } catch (reason) {
        const code = Private.code(reason);
        if (code === 'too-large' && this._part > LEAST) {
          this._part = LEAST;
        } else if (code !== 'object-not-found' || anew === ANEW) {
          throw reason;
        }
        // Some storages forget what was begun when they restart.
        this._forget(row);
      }
    }
  }

  private async _sendIn(
    part: number,
    row: Row,
    signal: AbortSignal
  ): Promise<string> {
    const { file, key, target } = row;
    if (!file) {
      throw new Error('There is no file.');
    }
    if (file.size <= part) {
      row.way = 'server';
      const stored = await this._patiently(
        () => this._storage.put(target, key, file, signal),
        signal
      );
      return stored.etag;
    }
    const have = await this._arrived(row);
    if (row.upload === undefined) {
      const begun = await this._patiently(
        () => this._storage.begin(target, key, { size: file.size, part }),
        signal
      );
      row.upload = begun.id;
      row.part = begun.part_size;
      if (signal.aborted && this._rows.get(row.id) !== row) {
        this._forget(row); // it was cancelled meanwhile
        throw new DOMException('Cancelled.', 'AbortError');
      }
      this._save();
    }
    const where = { target, key, id: row.upload };
    const missing = Array.from(
      { length: Math.ceil(file.size / row.part) },
      (_, index) => index + 1
    )
      .filter(number => !have.has(number))
      .values();
    const work = async (): Promise<void> => {
      for (const number of missing) {
        const piece = file.slice((number - 1) * row.part, number * row.part);
        row.way = await this._patiently(
          () => this._storage.part(where, number, piece, signal),
          signal
        );
        row.sent += piece.size;
        this._changed.emit();
      }
    };
    await Promise.all(Array.from({ length: PARTS }, work));
    return await this._finish(where, file.size, signal);
  }

  /** Make the object, also where the answer to an earlier try was lost. */
  private async _finish(
    where: IWhere,
    size: number,
    signal: AbortSignal
  ): Promise<string> {
    let tried = false;
    return this._patiently(async () => {
      try {
        return (await this._storage.finish(where, size)).etag;
      } catch (reason) {
        if (tried && Private.code(reason) === 'object-not-found') {
          const there = await this._storage.info(where.target, where.key);
          if (there?.size === size) {
            return there.etag;
          }
        }
        tried = true;
        throw reason;
      }
    }, signal);
  }

  /** The parts that the storage has of an upload that goes on. */
  private async _arrived(row: Row): Promise<Set<number>> {
    const { key, part, size, target, upload } = row;
    row.sent = 0;
    if (upload === undefined) {
      return new Set();
    }
    const arrived = await this._storage.arrived({ target, key, id: upload });
    if (!arrived) {
      row.upload = undefined; // somebody gave it up meanwhile
      return new Set();
    }
    const good = arrived.filter(
      one => one.size === Math.min(part, size - (one.number - 1) * part)
    );
    row.sent = good.reduce((sum, one) => sum + one.size, 0);
    return new Set(good.map(({ number }) => number));
  }

  /** Try again what may pass by itself: a line that broke, a storage or a server that restarts. */
  private async _patiently<T>(
    attempt: () => Promise<T>,
    signal: AbortSignal
  ): Promise<T> {
    for (let tried = 0; ; tried += 1) {
      try {
        return await attempt();
      } catch (reason) {
        if (signal.aborted || tried === AGAIN || !Private.passes(reason)) {
          throw reason;
        }
        await Private.pause(Math.min(WAIT * 2 ** tried, LONGEST), signal);
      }
    }
  }

  private _words(reason: unknown, row: Row): [string, string | undefined] {
    const trans = this._trans;
    if (reason instanceof OscarError) {
      const { code, hint, message } = reason.problem;
      if (code === 'not-authenticated') {
        return [
          trans.__('Your sign-in to %1 has ended.', row.target.cluster),
          trans.__('It goes on when you have signed in again.')
        ];
      }
      if (code === 'jupyter-refuses') {
        return [
          message,
          trans.__('Sign in to Jupyter in another tab, then try it again.')
        ];
      }
      return [message, hint || undefined];
    }
    if (reason instanceof DOMException && reason.name === 'NotReadableError') {
      return [
        trans.__('The file cannot be read any more: it was changed.'),
        trans.__('Choose it again.')
      ];
    }
    return [
      reason instanceof Error ? reason.message : String(reason),
      trans.__('What has arrived is kept: try it again.')
    ];
  }

  /** Have the storage forget what has arrived of a file. */
  private _forget(row: Row): void {
    const { key, target, upload } = row;
    row.upload = undefined;
    row.sent = 0;
    if (upload !== undefined) {
      this._storage.giveUp({ target, key, id: upload }).catch(console.warn);
    }
  }

  private async _restore(): Promise<void> {
    const kept = await this._state?.fetch(TRANSFERS);
    const said = (kept as { uploads?: IKept[] } | undefined)?.uploads;
    for (const one of said ?? []) {
      const row = Row.left(one);
      try {
        await this._arrived(row);
      } catch (reason) {
        // Nobody can tell now: it is kept until somebody can.
        [row.problem] = this._words(reason, row);
      }
      if (row.upload !== undefined && !this._rows.has(row.id)) {
        this._rows.set(row.id, row);
      }
    }
    this._changed.emit();
  }

  private _save(): void {
    const uploads = [...this._rows.values()].flatMap(row => row.kept ?? []);
    const said = JSON.stringify(uploads);
    if (said !== this._saved) {
      this._saved = said;
      this._state
        ?.save(TRANSFERS, {
          uploads: uploads as unknown as ReadonlyPartialJSONObject[]
        })
        .catch(console.warn);
    }
  }

  private readonly _rows = new Map<string, Row>();
  private _part = PART;
  private _saved = '[]';
  private readonly _changed = new Signal<this, void>(this);
}

namespace Private {
  const PASSING = [
    'storage-failed',
    'unreachable',
    'timed-out',
    'server-missing'
  ];
  /** What proxies say of a server that restarts. */
  const AWAY = [502, 503, 504];

  export function code(reason: unknown): string | undefined {
    return reason instanceof OscarError ? reason.problem.code : undefined;
  }

  export function passes(reason: unknown): boolean {
    return (
      reason instanceof OscarError &&
      (PASSING.includes(reason.problem.code) ||
        (reason.problem.code === 'failed' &&
          AWAY.includes(reason.response?.status ?? 0)))
    );
  }

  /** Wait, or stop waiting with the rest. */
  export function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Where a file lies below the folder that was chosen, or its name. */
  export function path(file: File): string {
    return file.webkitRelativePath || file.name;
  }
}
