import { DisposableSet, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { problemOf } from '../../errors';
import { IOscarChannel, IOscarClient } from '../../tokens';
import { CallRow, Problem, ServiceDetail, ServiceRow } from '../../types';

/** The parts of a service's page. */
export type Tab = 'call' | 'calls' | 'log' | 'definition';

export const TABS: readonly Tab[] = ['call', 'calls', 'log', 'definition'];

/** An exposed service is opened, not called. */
export const EXPOSED_TABS: readonly Tab[] = ['log', 'definition'];

/**
 * One service and its calls, current while somebody looks.
 */
export class ServiceModel implements IDisposable {
  constructor(
    readonly client: IOscarClient,
    private readonly channel: IOscarChannel,
    readonly cluster: string,
    readonly name: string
  ) {}

  /** Undefined until it first came. */
  detail: ServiceDetail | undefined;
  /** Why the service cannot be shown, or not anew. */
  problem: Problem | undefined;
  /** Newest first; undefined until they first came. */
  calls: readonly CallRow[] | undefined;
  callsProblem: Problem | undefined;

  /** The parts that this kind of service has. */
  get tabs(): readonly Tab[] {
    return this.detail?.kind === 'exposed' ? EXPOSED_TABS : TABS;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The part that is shown. */
  get tab(): Tab {
    return this._tab;
  }
  set tab(tab: Tab) {
    if (tab !== this._tab && this.tabs.includes(tab)) {
      this._tab = tab;
      this._changed.emit();
    }
  }

  /** The call that is shown beside the list; the newest if none was chosen. */
  get selected(): CallRow | undefined {
    return (
      this.calls?.find(({ id }) => id === this._selected) ?? this.calls?.[0]
    );
  }

  select(id: string): void {
    this._selected = id;
    this._changed.emit();
  }

  /**
   * A call has a log, so it runs: the list learns of that only later, if at all,
   * since it asks the cluster as little as it can.
   */
  started(id: string): void {
    const call = this.calls?.find(row => row.id === id);
    if (call?.state === 'queued' && !this._started.has(id)) {
      this._started.add(id);
      this._merge(this.calls ?? []);
      this._changed.emit();
    }
  }

  /** An object that somebody offered as the input of a call: bucket and key. */
  offered: string | undefined;

  offer(object: string): void {
    this.offered = object;
    this._changed.emit();
  }

  /** A call that was just made is in the list before the list knows of it. */
  add(call: CallRow): void {
    this._added.set(call.id, call);
    this._merge(this.calls ?? []);
    this.select(call.id);
    this.refresh();
  }

  /** Have the list of calls looked at now. */
  refresh(): void {
    this.channel.refresh(`calls/${this.cluster}`);
  }

  /** Ask for the service. */
  async load(): Promise<void> {
    try {
      this.detail = await this.client.service(this.cluster, this.name);
      this.problem = undefined;
      if (!this.tabs.includes(this._tab)) {
        this._tab = this.tabs[0];
      }
    } catch (error) {
      this.problem = problemOf(error);
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  /** Somebody looks from now, or no longer. */
  look(on: boolean): void {
    if (!on) {
      this._listening?.dispose();
      this._listening = undefined;
    } else if (!this._listening && !this._isDisposed) {
      this._listening = new DisposableSet();
      this._listening.add(this._listenToRow());
      const calls = this.channel.subscribe<CallRow[]>(
        `calls/${this.cluster}`,
        ({ data, problem }) => {
          this.callsProblem = problem;
          if (data) {
            this._merge(data.filter(({ service }) => service === this.name));
          }
          this._changed.emit();
        }
      );
      this._listening.add(calls);
    }
  }

  /** What the list of services says of this one is newer than what was loaded. */
  private _listenToRow(): IDisposable {
    return this.channel.subscribe<ServiceRow[]>(
      `services/${this.cluster}`,
      ({ data }) => {
        const row = data?.find(({ name }) => name === this.name);
        if (row && this.detail && row.state !== this.detail.state) {
          this.detail = { ...this.detail, ...row };
          this._changed.emit();
        }
      }
    );
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.look(false);
      Signal.clearData(this);
    }
  }

  private _merge(rows: readonly CallRow[]): void {
    const known = new Map(rows.map(row => [row.id, row]));
    for (const [id, row] of this._added) {
      if (known.has(id) && rows !== this.calls) {
        this._added.delete(id);
      } else {
        known.set(id, row);
      }
    }
    for (const [id, row] of known) {
      if (row.state === 'queued' && this._started.has(id)) {
        known.set(id, { ...row, state: 'running' });
      }
    }
    this.calls = Array.from(known.values()).sort(
      (one, other) => other.created - one.created
    );
  }

  private _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _listening: DisposableSet | undefined;
  private _tab: Tab = 'call';
  private _selected = '';
  private _added = new Map<string, CallRow>();
  private _started = new Set<string>();
}
