import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { OscarError } from '../tokens';
import { UploadStorage } from './storage';
import { ITarget, ITransfer, ITransfers, TRANSFERS } from './tokens';

/** Files that are sent at once, and parts of each: the server takes two parts at a time. */
const FILES = 2;
const PARTS = 2;
/** What is smaller is sent as one. */
const PART = 8 * 1024 * 1024;
/** How often a part is sent again, and how many milliseconds later at first. */
const AGAIN = 4;
const WAIT = 500;

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
    return this._rows;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  add(target: ITarget, files: readonly File[]): void {
    for (const file of files) {
      const key = target.prefix + Private.path(file);
      const there = this._rows.find(
        row =>
          row.key === key &&
          row.target.cluster === target.cluster &&
          row.target.bucket === target.bucket &&
          row.state !== 'running'
      );
      if (there) {
        there.upload = Private.goesOn(there, file) ? there.upload : undefined;
        Object.assign(there, { file, size: file.size, state: 'queued' });
      } else {
        this._rows.push(new Private.Row(target, key, file));
      }
    }
    this._tell();
  }

  pause(id: string): void {
    const row = this._find(id);
    if (row && (row.state === 'running' || row.state === 'queued')) {
      row.state = 'paused';
      row.stop?.abort();
      this._tell();
    }
  }

  resume(id: string): void {
    const row = this._find(id);
    if (row?.file && (row.state === 'paused' || row.state === 'failed')) {
      row.state = 'queued';
      row.problem = row.hint = undefined;
      this._tell();
    }
  }

  async cancel(id: string): Promise<void> {
    const row = this._find(id);
    if (!row) {
      return;
    }
    this._rows = this._rows.filter(one => one !== row);
    row.stop?.abort();
    this._tell();
    const { target, key, upload } = row;
    if (upload !== undefined && row.state !== 'done') {
      await this._storage.giveUp({ target, key, id: upload });
    }
  }

  clear(): void {
    this._rows = this._rows.filter(row => row.state !== 'done');
    this._tell();
  }

  /** Whether something would be lost if the page were left now. */
  get busy(): boolean {
    return this._rows.some(({ state }) =>
      ['queued', 'running'].includes(state)
    );
  }

  private _find(id: string): Private.Row | undefined {
    return this._rows.find(row => row.id === id);
  }

  private _tell(): void {
    this._changed.emit();
    this._save();
    const free = FILES - this._rows.filter(row => row.stop).length;
    const next = this._rows.filter(
      row => row.state === 'queued' && row.file && !row.stop
    );
    for (const row of next.slice(0, Math.max(0, free))) {
      void this._run(row);
    }
  }

  private async _run(row: Private.Row): Promise<void> {
    const stop = new AbortController();
    row.stop = stop;
    row.state = 'running';
    this._changed.emit();
    try {
      await this._send(row, stop.signal);
      row.state = 'done';
      row.sent = row.size;
      row.upload = undefined;
    } catch (reason) {
      if (!stop.signal.aborted) {
        stop.abort(); // what else of it is under way
        row.state = 'failed';
        [row.problem, row.hint] = this._words(reason);
      }
    } finally {
      row.stop = undefined;
      this._tell();
    }
  }

  private async _send(row: Private.Row, signal: AbortSignal): Promise<void> {
    const { file, key, target } = row;
    if (!file) {
      return;
    }
    if (file.size <= PART) {
      await this._patiently(
        () => this._storage.put(target, key, file, signal),
        signal
      );
      return;
    }
    const have = await this._arrived(row);
    if (row.upload === undefined) {
      const begun = await this._storage.begin(target, key, file.size);
      row.upload = begun.id;
      row.part = begun.part_size;
      this._save();
    }
    const { part, upload } = row;
    const count = Math.ceil(file.size / part);
    const missing = Array.from({ length: count }, (_, index) => index + 1)
      .filter(number => !have.has(number))
      .values();
    const where = { target, key, id: upload };
    const work = async (): Promise<void> => {
      for (const number of missing) {
        const piece = file.slice((number - 1) * part, number * part);
        await this._patiently(
          () => this._storage.part(where, number, piece, signal),
          signal
        );
        row.sent += piece.size;
        this._changed.emit();
      }
    };
    await Promise.all(Array.from({ length: PARTS }, work));
    await this._storage.finish(where, file.size);
  }

  /** The parts that the storage has of an upload that goes on. */
  private async _arrived(row: Private.Row): Promise<Set<number>> {
    const { file, key, part, target, upload } = row;
    row.sent = 0;
    if (upload === undefined || !file) {
      return new Set();
    }
    try {
      const whole = (number: number): number =>
        Math.min(part, file.size - (number - 1) * part);
      const arrived = await this._storage.arrived({ target, key, id: upload });
      const good = arrived.filter(({ number, size }) => size === whole(number));
      row.sent = good.reduce((sum, { size }) => sum + size, 0);
      return new Set(good.map(({ number }) => number));
    } catch (reason) {
      if (
        reason instanceof OscarError &&
        reason.problem.code === 'object-not-found'
      ) {
        row.upload = undefined; // somebody gave it up meanwhile
        return new Set();
      }
      throw reason;
    }
  }

  /** Try again what may pass by itself: a line that broke, a storage that restarts. */
  private async _patiently(
    attempt: () => Promise<void>,
    signal: AbortSignal
  ): Promise<void> {
    for (let tried = 0; ; tried += 1) {
      try {
        await attempt();
        return;
      } catch (reason) {
        const final =
          reason instanceof OscarError &&
          !Private.PASSING.includes(reason.problem.code);
        if (signal.aborted || final || tried === AGAIN) {
          throw reason;
        }
        await new Promise(resolve => setTimeout(resolve, WAIT * 2 ** tried));
      }
    }
  }

  private _words(reason: unknown): [string, string | undefined] {
    if (reason instanceof OscarError) {
      return [reason.problem.message, reason.problem.hint || undefined];
    }
    if (reason instanceof DOMException && reason.name === 'NotReadableError') {
      return [
        this._trans.__('The file cannot be read any more: it was changed.'),
        this._trans.__('Choose it again.')
      ];
    }
    return [
      this._trans.__('The Jupyter server does not answer.'),
      this._trans.__('What has arrived is kept: go on when it is back.')
    ];
  }

  private async _restore(): Promise<void> {
    const kept = await this._state?.fetch(TRANSFERS);
    const said = (kept as { uploads?: Private.IKept[] } | undefined)?.uploads;
    for (const one of said ?? []) {
      const row = Private.Row.left(one);
      const { key, target } = row;
      try {
        const arrived = await this._storage.arrived({
          target,
          key,
          id: one.upload
        });
        row.sent = arrived.reduce((sum, { size }) => sum + size, 0);
        this._rows.push(row);
      } catch (reason) {
        console.debug('An upload that was begun is gone.', reason);
      }
    }
    this._changed.emit();
  }

  private _save(): void {
    const uploads = this._rows.flatMap(row => row.kept ?? []);
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

  private _rows: Private.Row[] = [];
  private _saved = '[]';
  private readonly _changed = new Signal<this, void>(this);
}

namespace Private {
  export const PASSING = ['storage-failed', 'unreachable', 'timed-out'];

  export interface IKept {
    target: ITarget;
    key: string;
    size: number;
    modified: number;
    upload: string;
    part: number;
  }

  export class Row implements ITransfer {
    constructor(
      readonly target: ITarget,
      readonly key: string,
      public file: File | undefined
    ) {
      this.size = file?.size ?? 0;
      this.modified = file?.lastModified ?? 0;
    }

    static left(kept: IKept): Row {
      const row = new Row(kept.target, kept.key, undefined);
      return Object.assign(row, {
        size: kept.size,
        modified: kept.modified,
        upload: kept.upload,
        part: kept.part,
        state: 'left'
      });
    }

    get id(): string {
      const { bucket, cluster } = this.target;
      return `${cluster}/${bucket}/${this.key}`;
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

    size: number;
    modified: number;
    sent = 0;
    part = PART;
    state: ITransfer.State = 'queued';
    upload: string | undefined;
    problem: string | undefined;
    hint: string | undefined;
    /** Stops it while it is sent. */
    stop: AbortController | undefined;
  }

  /** Whether a file is the one whose upload was begun. */
  export function goesOn(row: Row, file: File): boolean {
    return row.size === file.size && row.modified === file.lastModified;
  }

  /** Where a file lies below the folder that was chosen, or its name. */
  export function path(file: File): string {
    return file.webkitRelativePath || file.name;
  }
}
