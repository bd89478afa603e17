import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  ILive,
  INews,
  IOscarChannel,
  IOscarClient,
  IOscarModel,
  OscarError
} from './tokens';
import {
  CallRow,
  ClusterRow,
  FlowRow,
  Health,
  Problem,
  ServiceRow
} from './types';

/** A list of one topic, kept while it is watched. */
export class Live<T> implements ILive<T> {
  constructor(private readonly _channel: IOscarChannel) {}

  get rows(): readonly T[] | undefined {
    return this._rows;
  }

  get problem(): Problem | undefined {
    return this._problem;
  }

  get since(): number | undefined {
    return this._since;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  refresh(): void {
    if (this._topic !== undefined && this._listening) {
      this._channel.refresh(this._topic);
    }
  }

  /** Follow another topic, or none; what came of the old one is forgotten. */
  follow(topic: string | undefined): void {
    if (topic === this._topic) {
      return;
    }
    const watched = this._watched;
    this.watch(false);
    this._topic = topic;
    this._rows = undefined;
    this._problem = undefined;
    this._since = undefined;
    this.watch(watched);
    this._changed.emit();
  }

  /** Listen, or stop listening; the rows stay. */
  watch(watched: boolean): void {
    this._watched = watched;
    if (!watched || this._topic === undefined) {
      this._listening?.dispose();
      this._listening = null;
    } else if (!this._listening) {
      this._listening = this._channel.subscribe<T[]>(this._topic, news => {
        this._hear(news);
      });
    }
  }

  dispose(): void {
    this.watch(false);
    Signal.clearData(this);
  }

  private _hear(news: INews<T[]>): void {
    if (news.problem) {
      this._problem = news.problem;
      this._since ??= Date.now();
    } else if (news.data) {
      this._rows = news.data;
      this._problem = undefined;
      this._since = undefined;
    }
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _topic: string | undefined;
  private _watched = false;
  private _listening: IDisposable | null = null;
  private _rows: readonly T[] | undefined;
  private _problem: Problem | undefined;
  private _since: number | undefined;
}

/** What the panels show. */
export class Model implements IOscarModel, IDisposable {
  constructor(options: Model.IOptions) {
    this._client = options.client;
    this._state = options.state;
    this.clusters = new Live<ClusterRow>(options.channel);
    this.services = new Live<ServiceRow>(options.channel);
    this.calls = new Live<CallRow>(options.channel);
    this.flows = new Live<FlowRow>(options.channel);
    this.clusters.changed.connect(this._onClusters, this);
    this._remembered = this._remember();
  }

  readonly clusters: Live<ClusterRow>;
  readonly services: Live<ServiceRow>;
  readonly calls: Live<CallRow>;
  readonly flows: Live<FlowRow>;

  get selectedService(): string | undefined {
    return this._selectedService;
  }

  get selectedCall(): { service: string; id: string } | undefined {
    return this._selectedCall;
  }

  get selectionChanged(): ISignal<this, void> {
    return this._selectionChanged;
  }

  select({ service, id }: { service: string; id?: string }): void {
    if (id === undefined) {
      this._selectedService = service;
    } else {
      this._selectedCall = { service, id };
    }
    this._selectionChanged.emit();
  }

  get health(): Health | undefined {
    return this._health;
  }

  get healthProblem(): Problem | undefined {
    return this._healthProblem;
  }

  get current(): string | undefined {
    return this._current;
  }

  set current(name: string | undefined) {
    if (name === this._current) {
      return;
    }
    this._current = name;
    this._selectedService = undefined;
    this._selectedCall = undefined;
    this._selectionChanged.emit();
    this.services.follow(name && `services/${name}`);
    this.calls.follow(name && `calls/${name}`);
    this._changed.emit();
    if (name !== undefined) {
      this._state?.save(Private.KEY, { current: name }).catch(console.warn);
    }
  }

  get currentRow(): ClusterRow | undefined {
    return this.clusters.rows?.find(row => row.name === this._current);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this.clusters.dispose();
    this.services.dispose();
    this.calls.dispose();
    this.flows.dispose();
    Signal.clearData(this);
  }

  look(): IDisposable {
    this._looking += 1;
    if (this._looking === 1) {
      void this._begin();
    }
    return new DisposableDelegate(() => {
      this._looking -= 1;
      if (this._looking === 0) {
        this._watch(false);
      }
    });
  }

  async retry(): Promise<void> {
    this._healthProblem = undefined;
    this._health = undefined;
    this._changed.emit();
    await this._begin();
  }

  private async _begin(): Promise<void> {
    await this._remembered;
    if (!this._health) {
      this._asking ??= this._ask();
      await this._asking;
      this._asking = undefined;
    }
    // Who looked may be gone by now.
    this._watch(this._looking > 0 && this._health !== undefined);
  }

  private async _ask(): Promise<void> {
    try {
      this._health = await this._client.health();
      this._healthProblem = undefined;
    } catch (reason) {
      this._healthProblem =
        reason instanceof OscarError
          ? reason.problem
          : Private.unexpected(reason);
    }
    this._changed.emit();
  }

  private _watch(watched: boolean): void {
    this.clusters.follow('clusters');
    this.clusters.watch(watched);
    this.services.watch(watched);
    this.calls.watch(watched);
    this.flows.follow('flows');
    this.flows.watch(watched);
  }

  private async _remember(): Promise<void> {
    const kept = await this._state?.fetch(Private.KEY).catch(() => undefined);
    const name = (kept as { current?: unknown } | undefined)?.current;
    if (this._current === undefined && typeof name === 'string') {
      this.current = name;
    }
  }

  /** A cluster that is gone is left for one that is there; what is on one that is back is looked at anew. */
  private _onClusters(sender: ILive<ClusterRow>): void {
    const rows = sender.rows;
    if (rows && !rows.some(row => row.name === this._current)) {
      const usable = rows.find(row => row.state === 'ok') ?? rows.at(0);
      this.current = usable?.name;
    }
    const state = this.currentRow?.state;
    if (state === 'ok' && this._was !== undefined && this._was !== 'ok') {
      this.services.refresh();
      this.calls.refresh();
    }
    this._was = state;
    this._changed.emit();
  }

  private readonly _client: IOscarClient;
  private readonly _state: IStateDB | null;
  private readonly _remembered: Promise<void>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _selectionChanged = new Signal<this, void>(this);
  private _asking: Promise<void> | undefined;
  private _health: Health | undefined;
  private _healthProblem: Problem | undefined;
  private _current: string | undefined;
  private _selectedService: string | undefined;
  private _selectedCall: { service: string; id: string } | undefined;
  private _was: ClusterRow['state'] | undefined;
  private _looking = 0;
  private _isDisposed = false;
}

export namespace Model {
  export interface IOptions {
    client: IOscarClient;
    channel: IOscarChannel;
    state: IStateDB | null;
  }
}

export const modelPlugin: JupyterFrontEndPlugin<IOscarModel> = {
  id: 'jupyter-oscar:model',
  description: 'Provides what the OSCAR panels show.',
  autoStart: true,
  provides: IOscarModel,
  requires: [IOscarClient, IOscarChannel],
  optional: [IStateDB],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    channel: IOscarChannel,
    state: IStateDB | null
  ) => {
    const model = new Model({ client, channel, state });
    // What a command without arguments is about has changed.
    model.selectionChanged.connect(() => {
      app.commands.notifyCommandChanged();
    });
    return model;
  }
};

namespace Private {
  export const KEY = 'jupyter-oscar:model';

  export function unexpected(reason: unknown): Problem {
    return {
      code: 'unexpected',
      message: String(reason),
      hint: '',
      upstream_status: null,
      line: null
    };
  }
}
