import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { IOscarClient } from '../../tokens';
import { Plan, Problem, ServiceRow } from '../../types';
import { IDefinition, nameOf, SCRIPT, scriptsOf } from '../fdl';
import { problemOf } from '../../errors';

/** So long after the last key the definition is checked, in milliseconds. */
const PAUSE = 400;
/**
 * A definition that is being written: its texts, what is wrong with them, and
 * what deploying them would change. What was typed stays whatever goes wrong.
 */
export class Draft implements IDisposable {
  constructor(
    private readonly client: IOscarClient,
    readonly cluster: string
  ) {}

  problems: readonly Problem[] = [];
  /** What would be changed, once it was asked for and until one types on. */
  plan: Plan | undefined;
  /** What went wrong with a check, a review or a deployment itself. */
  problem: Problem | undefined;
  busy: 'review' | 'deploy' | '' = '';
  deployed: readonly ServiceRow[] | undefined;

  /** Emitted when anything but the texts has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when other texts are to be shown than those that were typed. */
  get replaced(): ISignal<this, void> {
    return this._replaced;
  }

  /** Emitted when services were deployed. */
  get done(): ISignal<this, readonly ServiceRow[]> {
    return this._done;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get fdl(): string {
    return this._fdl;
  }

  /** The text of the script that is shown. */
  get script(): string {
    return this._scripts.get(this.current) ?? '';
  }

  /** The names that the FDL gives its scripts. */
  get names(): string[] {
    return scriptsOf(this._fdl);
  }

  /** The name of the script that is shown. */
  get current(): string {
    const { names } = this;
    return names.includes(this._current) ? this._current : (names[0] ?? SCRIPT);
  }

  /** The scripts that the FDL names and that are not here, and why not. */
  get missing(): readonly { name: string; why: string }[] {
    return this.names
      .filter(name => !this._scripts.has(name))
      .map(name => ({ name, why: this._missing[name] ?? '' }));
  }

  /** Whether something was typed that is deployed nowhere. */
  get dirty(): boolean {
    return this._state() !== this._clean;
  }

  /** Whether the FDL names secrets whose values nobody but the cluster has. */
  get blanked(): boolean {
    return /^\s*secrets:\s*$/m.test(this._fdl);
  }

  /** Show a definition; what was typed over it is gone. */
  load(definition: IDefinition): void {
    this._fdl = definition.fdl;
    this._scripts = new Map(Object.entries(definition.scripts));
    this._missing = definition.missing ?? {};
    this._current = '';
    this._clean = this._state();
    this._replaced.emit();
    this._edited();
  }

  /** Take texts of files: an FDL, and scripts by their names. */
  take(fdl: string | undefined, scripts: Record<string, string>): void {
    this._fdl = fdl ?? this._fdl;
    for (const [file, text] of Object.entries(scripts)) {
      this._current = nameOf(file, this.names);
      this._scripts.set(this._current, text);
    }
    this._replaced.emit();
    this._edited();
  }

  /** Say that something could not be read. */
  fail(problem: Problem): void {
    this.problem = problem;
    this._changed.emit();
  }

  /** Show another of the FDL's scripts. */
  pick(script: string): void {
    this._current = script;
    this._replaced.emit();
    this._changed.emit();
  }

  /** Take what was typed. */
  type(fdl: string, script: string): void {
    const { current: before, names } = this;
    if (script || this._scripts.has(before)) {
      // One that is missing stays so until something is written.
      this._scripts.set(before, script);
    }
    this._fdl = fdl;
    const after = this.names;
    if (!after.includes(before)) {
      // Perhaps it was given another name, as the only one or in its place.
      const same = after.length === names.length;
      this._current = after[same ? names.indexOf(before) : 0] ?? '';
      if (script && !this._scripts.has(this.current)) {
        this._scripts.set(this.current, script);
      }
      this._replaced.emit();
    }
    this._edited();
  }

  /** Ask what a deployment would change. */
  async review(): Promise<void> {
    await this._do('review', async () => {
      const plan = await this.client.plan(
        this.cluster,
        this._fdl,
        this._named()
      );
      this.problems = plan.problems;
      this.plan = plan.problems.length ? undefined : plan;
    });
  }

  async deploy(): Promise<void> {
    const update = !!this.plan?.changes.some(
      ({ action }) => action === 'update'
    );
    await this._do('deploy', async () => {
      const state = this._state();
      const made = await this.client.deploy(
        this.cluster,
        this._fdl,
        this._named(),
        update
      );
      this._clean = state;
      this.plan = undefined;
      this.deployed = made;
      this._done.emit(made);
    });
  }

  /** Go back to typing. */
  cancel(): void {
    this.plan = undefined;
    this._changed.emit();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      Signal.clearData(this);
    }
  }

  private async _do(
    what: 'review' | 'deploy',
    how: () => Promise<void>
  ): Promise<void> {
    if (this.busy) {
      return;
    }
    this.busy = what;
    this.problem = this.deployed = undefined;
    this._changed.emit();
    try {
      await how();
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.busy = '';
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _edited(): void {
    if (this._isDisposed) {
      return;
    }
    // What was reviewed is no longer what would be deployed.
    this.plan = this.deployed = this.problem = undefined;
    this._changed.emit();
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      void this._check();
    }, PAUSE);
  }

  private async _check(): Promise<void> {
    const asked = ++this._asked;
    const current = () => asked === this._asked && !this._isDisposed;
    try {
      const { problems } = await this.client.check(
        this.cluster,
        this._fdl,
        this._named()
      );
      if (current()) {
        this.problems = problems;
        this._changed.emit();
      }
    } catch (error) {
      if (current()) {
        this.problem = problemOf(error);
        this._changed.emit();
      }
    }
  }

  /** Every script that the FDL names, by its name. */
  private _named(): Record<string, string> {
    const known: Record<string, string> = {};
    for (const name of this.names) {
      const text = this._scripts.get(name);
      if (text !== undefined) {
        known[name] = text;
      }
    }
    return known;
  }

  private _state(): string {
    return JSON.stringify([this._fdl, this.script, this._named()]);
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _replaced = new Signal<this, void>(this);
  private readonly _done = new Signal<this, readonly ServiceRow[]>(this);
  private _isDisposed = false;
  private _fdl = '';
  private _scripts = new Map<string, string>();
  private _missing: Readonly<Record<string, string>> = {};
  private _current = '';
  private _clean = '';
  private _timer = 0;
  private _asked = 0;
}
