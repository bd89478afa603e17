import { ReactWidget } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import { IOscarClient } from '../../tokens';
import { Change, Plan, Problem, ServiceRow } from '../../types';
import { Diff } from './diff';
import { TextEditor } from './editor';
import examples from './examples.json';
import { problemOf } from './model';
import { Wrong } from './shown';

/** So long after the last key the definition is checked. */
const PAUSE = 400;
/** Below this width the script stands below the FDL. */
const NARROW = 640;

/** An FDL with the script that lies beside it. */
export interface IDefinition {
  fdl: string;
  script: string;
}

export const EXAMPLES: Readonly<Record<string, IDefinition>> = examples;

/** What a new service starts from. */
export const TEMPLATE: IDefinition = {
  fdl: `functions:
  oscar:
    - oscar-cluster:
        name: my-service
        image: docker.io/library/python:3.12-slim
        cpu: "0.5"
        memory: 512Mi
        script: script.sh
        labels:
          jupyter-oscar/tracked: "true"
        input:
          - storage_provider: minio.default
            path: my-service/in
        output:
          - storage_provider: minio.default
            path: my-service/out
`,
  script: `#!/bin/sh
# Reads the file $INPUT_FILE_PATH, writes files into $TMP_OUTPUT_DIR.
name=$(basename "$INPUT_FILE_PATH")
wc "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$name.txt"
echo "counted $name"
`
};

/**
 * The FDL and the script of a service side by side: checked as one types,
 * reviewed, then deployed. What was typed stays whatever goes wrong.
 */
export class DefinitionPanel extends Panel {
  constructor(private readonly options: DefinitionPanel.IOptions) {
    super();
    const { services, trans } = options;
    this.addClass('jp-OscarDefinition');
    this._fdl = new TextEditor(services, 'text/x-yaml', trans.__('FDL'));
    this._script = new TextEditor(
      services,
      'text/x-sh',
      trans.__('Script of the service')
    );
    const head = ReactWidget.create(
      <UseSignal signal={this._changed}>
        {() => <Head panel={this} trans={trans} fresh={options.fresh} />}
      </UseSignal>
    );
    const foot = ReactWidget.create(
      <UseSignal signal={this._changed}>
        {() => (
          <Foot
            panel={this}
            trans={trans}
            cluster={options.cluster}
            sandbox={options.sandbox()}
          />
        )}
      </UseSignal>
    );
    head.addClass('jp-OscarDefinition-head');
    foot.addClass('jp-OscarDefinition-foot');
    this._texts.addClass('jp-OscarDefinition-texts');
    this._texts.addWidget(this._fdl);
    this._texts.addWidget(this._script);
    this.addWidget(head);
    this.addWidget(this._texts);
    this.addWidget(foot);
    this._fdl.changed.connect(this._onTyped, this);
    this._script.changed.connect(this._onTyped, this);
    this.node.addEventListener('dragover', this);
    this.node.addEventListener('drop', this, true);
  }

  problems: readonly Problem[] = [];
  /** What would be changed, once it was asked for and until one types on. */
  plan: Plan | undefined;
  /** What went wrong with a check, a review or a deployment itself. */
  problem: Problem | undefined;
  busy: 'check' | 'review' | 'deploy' | '' = '';
  deployed: readonly ServiceRow[] | undefined;

  /** Emitted when services were deployed. */
  get done(): ISignal<this, readonly ServiceRow[]> {
    return this._done;
  }

  /** Whether something was typed that is deployed nowhere. */
  get dirty(): boolean {
    return (
      this._fdl.text !== this._clean.fdl ||
      this._script.text !== this._clean.script
    );
  }

  /** The names that the FDL gives its scripts; the first is the one shown. */
  get scripts(): string[] {
    const names = new Set<string>();
    for (const line of this._fdl.text.split('\n')) {
      const found = /^[\s-]*script:\s*["']?([^\s"'#]+)/.exec(line);
      if (found) {
        names.add(found[1]);
      }
    }
    return [...names];
  }

  get current(): string {
    const { scripts } = this;
    return scripts.includes(this._current)
      ? this._current
      : (scripts[0] ?? 'script.sh');
  }

  /** Whether the FDL names secrets whose values nobody but the cluster has. */
  get blanked(): boolean {
    return /^\s*secrets:\s*$/m.test(this._fdl.text);
  }

  /** Show a definition; what was typed over it is gone. */
  load(definition: IDefinition): void {
    this._texts_.clear();
    this._clean = definition;
    this._silent = true;
    this._fdl.text = definition.fdl;
    this._current = this.scripts[0] ?? 'script.sh';
    this._script.text = definition.script;
    this._silent = false;
    this._onTyped();
  }

  /** Show files: one FDL, and scripts by their names. */
  async open(files: Iterable<File>): Promise<void> {
    for (const file of files) {
      if (file.size > 1_000_000) {
        continue;
      }
      const text = await file.text();
      if (/\.ya?ml$/i.test(file.name)) {
        this._fdl.text = text;
        this._current = this.scripts[0] ?? this._current;
        this._script.text = this._texts_.get(this._current) ?? '';
      } else {
        this._texts_.set(file.name, text);
        if (file.name === this.current || this.scripts.length < 2) {
          this._current = file.name;
          this._script.text = text;
        }
      }
    }
    this._onTyped();
  }

  /** Show another of the FDL's scripts. */
  pick(script: string): void {
    this._keep();
    this._current = script;
    this._silent = true;
    this._script.text = this._texts_.get(script) ?? '';
    this._silent = false;
    this._changed.emit();
  }

  /** Put the cursor where a problem is. */
  go(problem: Problem): void {
    this._fdl.go(problem.line ?? 1);
  }

  /** Ask what a deployment would change. */
  async review(): Promise<void> {
    await this._do('review', async () => {
      const { client, cluster } = this.options;
      const plan = await client.plan(cluster, this._fdl.text, this._all());
      this.problems = plan.problems;
      this._fdl.mark(plan.problems);
      this.plan = plan.problems.length ? undefined : plan;
    });
  }

  async deploy(): Promise<void> {
    const update = !!this.plan?.changes.some(
      ({ action }) => action === 'update'
    );
    await this._do('deploy', async () => {
      const { client, cluster } = this.options;
      const definition = { fdl: this._fdl.text, script: this._script.text };
      const made = await client.deploy(
        cluster,
        definition.fdl,
        this._all(),
        update
      );
      this._clean = definition;
      this.plan = undefined;
      this.deployed = made;
      this._done.emit(made);
    });
  }

  /** Go back to typing. */
  cancel(): void {
    this.plan = undefined;
    this._changed.emit();
    this._fdl.editor.focus();
  }

  handleEvent(event: Event): void {
    const { dataTransfer } = event as DragEvent;
    if (!dataTransfer?.types.includes('Files')) {
      return;
    }
    event.preventDefault();
    if (event.type === 'drop') {
      event.stopPropagation();
      void this.open(Array.from(dataTransfer.files));
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      window.clearTimeout(this._timer);
      this.node.removeEventListener('dragover', this);
      this.node.removeEventListener('drop', this, true);
      Signal.clearData(this);
      super.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    this._narrow();
  }

  protected override onAfterAttach(msg: Message): void {
    this._narrow();
  }

  protected override onResize(msg: Message): void {
    this._narrow();
  }

  protected override onActivateRequest(msg: Message): void {
    this._fdl.editor.focus();
  }

  private _narrow(): void {
    this.toggleClass('jp-mod-narrow', this.node.clientWidth < NARROW);
  }

  private async _do(
    what: 'review' | 'deploy',
    how: () => Promise<void>
  ): Promise<void> {
    if (this.busy === 'review' || this.busy === 'deploy') {
      return;
    }
    this.busy = what;
    this.problem = this.deployed = undefined;
    this._changed.emit();
    try {
      await how();
    } catch (error) {
      this.problem = problemOf(error);
      if (this.problem.line !== null) {
        this._fdl.mark([this.problem]);
      }
    }
    this.busy = '';
    if (!this.isDisposed) {
      this._changed.emit();
    }
  }

  private _onTyped(): void {
    if (this._silent || this.isDisposed) {
      return;
    }
    // What was reviewed is no longer what would be deployed.
    if (this.plan || this.deployed || this.problem) {
      this.plan = this.deployed = this.problem = undefined;
      this._changed.emit();
    }
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      void this._check();
    }, PAUSE);
  }

  private async _check(): Promise<void> {
    const { client, cluster } = this.options;
    const asked = ++this._asked;
    try {
      const { problems } = await client.check(
        cluster,
        this._fdl.text,
        this._all()
      );
      if (asked === this._asked && !this.isDisposed) {
        this.problems = problems;
        this._fdl.mark(problems);
        this._changed.emit();
      }
    } catch (error) {
      if (asked === this._asked && !this.isDisposed) {
        this.problem = problemOf(error);
        this._changed.emit();
      }
    }
  }

  private _keep(): void {
    this._texts_.set(this.current, this._script.text);
  }

  /** Every script that the FDL names, by its name. */
  private _all(): Record<string, string> {
    this._keep();
    const known: Record<string, string> = {};
    for (const name of this.scripts) {
      const text = this._texts_.get(name);
      if (text !== undefined) {
        known[name] = text;
      }
    }
    return known;
  }

  private readonly _fdl: TextEditor;
  private readonly _script: TextEditor;
  private readonly _texts = new Panel();
  private readonly _texts_ = new Map<string, string>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _done = new Signal<this, readonly ServiceRow[]>(this);
  private _clean: IDefinition = { fdl: '', script: '' };
  private _current = 'script.sh';
  private _silent = false;
  private _timer = 0;
  private _asked = 0;
}

export namespace DefinitionPanel {
  export interface IOptions {
    client: IOscarClient;
    services: IEditorServices;
    cluster: string;
    /** Whether it is for a service that is not there yet. */
    fresh: boolean;
    /** Whether the cluster is a sandbox. */
    sandbox: () => boolean;
    trans: TranslationBundle;
  }
}

/** What to begin with, and which script is shown. */
function Head(props: {
  panel: DefinitionPanel;
  trans: TranslationBundle;
  fresh: boolean;
}): React.JSX.Element {
  const { panel, trans, fresh } = props;
  const picker = React.useRef<HTMLInputElement>(null);
  const { scripts } = panel;
  return (
    <>
      {fresh && (
        <>
          <span>{trans.__('Start from')}</span>
          <select
            aria-label={trans.__('Start from')}
            className="jp-OscarSelect"
            value=""
            onChange={({ target: { value } }) => {
              panel.load(EXAMPLES[value] ?? TEMPLATE);
            }}
          >
            <option value="" disabled>
              {trans.__('an example…')}
            </option>
            <option value="template">{trans.__('a short template')}</option>
            {Object.keys(EXAMPLES).map(name => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <span>{trans.__('or')}</span>
        </>
      )}
      <button
        className="jp-OscarLink"
        onClick={() => {
          picker.current?.click();
        }}
      >
        {trans.__('Open FDL and Script…')}
      </button>
      <input
        ref={picker}
        type="file"
        hidden
        multiple
        onChange={({ target }) => {
          void panel.open(Array.from(target.files ?? []));
          target.value = '';
        }}
      />
      <span className="jp-OscarFill" />
      {scripts.length > 1 ? (
        <select
          className="jp-OscarSelect"
          aria-label={trans.__('The script that is shown')}
          value={panel.current}
          onChange={({ target: { value } }) => {
            panel.pick(value);
          }}
        >
          {scripts.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <span>{panel.current}</span>
      )}
    </>
  );
}

/** What is wrong, what would change, and the one next step. */
function Foot(props: {
  panel: DefinitionPanel;
  trans: TranslationBundle;
  cluster: string;
  sandbox: boolean;
}): React.JSX.Element {
  const { panel, trans, cluster, sandbox } = props;
  const { problems, problem, plan, busy, deployed } = panel;
  return (
    <>
      {problems.length > 0 && (
        <ul className="jp-OscarProblems" aria-label={trans.__('Problems')}>
          {problems.map((one, index) => (
            <li key={index}>
              <button
                className="jp-OscarProblems-one"
                onClick={() => {
                  panel.go(one);
                }}
              >
                {one.line !== null && (
                  <span className="jp-OscarProblems-line">
                    {trans.__('line %1', one.line)}
                  </span>
                )}
                <span>{said(one)}</span>
                {one.hint && (
                  <span className="jp-OscarProblems-fix">{one.hint}</span>
                )}
              </button>
            </li>
          ))}
        </ul>
      )}
      {panel.blanked && (
        <p className="jp-OscarDefinition-note">
          {trans.__(
            'Secrets are never shown: give each its value before you deploy, or it would be lost.'
          )}
        </p>
      )}
      {plan && <Review plan={plan} sandbox={sandbox} trans={trans} />}
      {problem && <Wrong problem={problem} />}
      <div className="jp-OscarDefinition-buttons">
        <span role="status" className="jp-OscarFill">
          {busy === 'deploy' ? (
            <Seconds
              label={seconds =>
                trans.__('Deploying to %1… %2 s', cluster, seconds)
              }
            />
          ) : busy === 'review' ? (
            trans.__('Comparing with %1…', cluster)
          ) : deployed ? (
            trans.__(
              '✓ Deployed %1.',
              deployed.map(({ name }) => name).join(', ')
            )
          ) : problems.length ? (
            trans._n('%1 problem', '%1 problems', problems.length)
          ) : (
            ''
          )}
        </span>
        {plan ? (
          <>
            <button
              className="jp-mod-styled jp-mod-reject"
              disabled={!!busy}
              onClick={() => {
                panel.cancel();
              }}
            >
              {trans.__('Back')}
            </button>
            <button
              className="jp-mod-styled jp-mod-accept"
              disabled={!!busy || !plan.changes.some(changes)}
              onClick={() => void panel.deploy()}
            >
              {trans.__('Deploy')}
            </button>
          </>
        ) : (
          <button
            className="jp-mod-styled jp-mod-accept"
            disabled={!!busy || problems.length > 0}
            onClick={() => void panel.review()}
          >
            {trans.__('Review')}
          </button>
        )}
      </div>
    </>
  );
}

function Review(props: {
  plan: Plan;
  sandbox: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { plan, sandbox, trans } = props;
  const some = plan.changes.some(changes);
  return (
    <section className="jp-OscarReview" aria-label={trans.__('Review')}>
      {some && (
        <p className="jp-OscarDefinition-note">
          {sandbox ? trans.__('The sandbox takes it at once.') : plan.cost}
        </p>
      )}
      {plan.ignored.length > 0 && (
        <div className="jp-OscarReview-ignored">
          <h3>{trans.__('OSCAR would ignore')}</h3>
          <dl>
            {plan.ignored.map(key => (
              <React.Fragment key={`${key.service} ${key.key}`}>
                <dt>
                  <code>
                    {plan.changes.length > 1
                      ? `${key.service}: ${key.key}`
                      : key.key}
                  </code>
                </dt>
                <dd>{key.why}</dd>
              </React.Fragment>
            ))}
          </dl>
        </div>
      )}
      {plan.changes.map(change => (
        <div key={change.name}>
          <h3>
            {change.action === 'create'
              ? trans.__('%1 is new', change.name)
              : changes(change)
                ? trans.__('%1 changes', change.name)
                : trans.__('%1 stays as it is', change.name)}
          </h3>
          {changes(change) && <Diff text={change.diff} trans={trans} />}
        </div>
      ))}
    </section>
  );
}

function changes(change: Change): boolean {
  return change.action === 'create' || change.diff !== '';
}

/** Without the file and line that stand before it anyway. */
function said(problem: Problem): string {
  return problem.message.replace(/^fdl\.yaml(?::\d+)?: /, '');
}

function Seconds(props: {
  label: (seconds: number) => string;
}): React.JSX.Element {
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    const timer = window.setInterval(() => {
      setSeconds(n => n + 1);
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  return <>{props.label(seconds)}</>;
}
