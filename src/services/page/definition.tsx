import { ReactWidget } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import { IOscarClient, isFdl } from '../../tokens';
import { Problem } from '../../types';
import { DropPlace } from '../drop';
import { IDefinition, readFdl, readFiles, readText, SCRIPT } from '../fdl';
import { Draft } from './draft';
import { TextEditor } from './editor';
import examples from './examples.json';
import { problemOf } from '../../errors';

import { Foot } from './review';

/** Below this width the script stands below the FDL. */
const NARROW = 640;

export const EXAMPLES: Readonly<Record<string, IDefinition>> =
  Object.fromEntries(
    Object.entries(examples).map(([name, { fdl, script }]) => [
      name,
      { fdl, scripts: { [SCRIPT]: script } }
    ])
  );

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
  scripts: {
    [SCRIPT]: `#!/bin/sh
# Reads the file $INPUT_FILE_PATH, writes files into $TMP_OUTPUT_DIR.
name=$(basename "$INPUT_FILE_PATH")
wc "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$name.txt"
echo "counted $name"
`
  }
};

/** The FDL and the scripts of a service side by side: checked as one types, reviewed, then deployed. */
export class DefinitionPanel extends Panel {
  constructor(private readonly _options: DefinitionPanel.IOptions) {
    super();
    const { client, services, cluster, fresh, open, trans } = _options;
    this.addClass('jp-OscarDefinition');
    this.draft = new Draft(client, cluster);
    this._fdl = new TextEditor(services, 'text/x-yaml', trans.__('FDL'));
    this._script = new TextEditor(
      services,
      'text/x-sh',
      trans.__('Script of the service')
    );
    const { draft } = this;
    const head = ReactWidget.create(
      <UseSignal signal={draft.changed}>
        {() => (
          <Head
            draft={draft}
            open={files => void this.open(files)}
            trans={trans}
            fresh={fresh}
          />
        )}
      </UseSignal>
    );
    const foot = ReactWidget.create(
      <UseSignal signal={draft.changed}>
        {() => (
          <Foot
            draft={draft}
            go={problem => {
              this._fdl.go(problem.line ?? 1);
            }}
            trans={trans}
            cluster={cluster}
            sandbox={_options.sandbox()}
            open={open}
          />
        )}
      </UseSignal>
    );
    head.addClass('jp-OscarDefinition-head');
    foot.addClass('jp-OscarDefinition-foot');
    const texts = new Panel();
    texts.addClass('jp-OscarDefinition-texts');
    texts.addWidget(this._fdl);
    texts.addWidget(this._script);
    this.addWidget(head);
    this.addWidget(texts);
    this.addWidget(foot);
    this._fdl.changed.connect(this._onTyped, this);
    this._script.changed.connect(this._onTyped, this);
    draft.replaced.connect(this._onReplaced, this);
    draft.changed.connect(this._onChanged, this);
    this._dropped = new DropPlace(this.node, {
      files: files => void this.open(files),
      paths: paths => void this._read(paths)
    });
  }

  readonly draft: Draft;

  /** Whether something was typed that is deployed nowhere. */
  get dirty(): boolean {
    return this.draft.dirty;
  }

  /** Take files from outside the page. */
  async open(files: Iterable<File>): Promise<void> {
    const { fdl, scripts } = await readFiles(files);
    this.draft.take(fdl, scripts);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._dropped.dispose();
      super.dispose();
      this.draft.dispose();
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

  /** Take files of the server: an FDL with its scripts, or scripts alone. */
  private async _read(paths: readonly string[]): Promise<void> {
    const { contents } = this._options;
    try {
      for (const path of paths) {
        if (isFdl(path)) {
          this.draft.load(await readFdl(contents, path));
        } else {
          const text = await readText(contents, path);
          this.draft.take(undefined, { [PathExt.basename(path)]: text });
        }
      }
    } catch (reason) {
      this.draft.fail(problemOf(reason));
    }
  }

  private _onTyped(): void {
    if (!this._silent) {
      this.draft.type(this._fdl.text, this._script.text);
    }
  }

  private _onReplaced(): void {
    this._silent = true;
    this._fdl.text = this.draft.fdl;
    this._script.text = this.draft.script;
    this._silent = false;
  }

  /** Mark the lines of what is wrong, once it is known. */
  private _onChanged(): void {
    const { problem, problems } = this.draft;
    const lines = problem && problem.line !== null ? [problem] : problems;
    if (lines !== this._marked && (lines.length || this._marked.length)) {
      this._marked = lines;
      this._fdl.mark(lines);
    }
  }

  private readonly _fdl: TextEditor;
  private readonly _script: TextEditor;
  private readonly _dropped: DropPlace;
  private _marked: readonly Problem[] = [];
  private _silent = false;
}

export namespace DefinitionPanel {
  export interface IOptions {
    client: IOscarClient;
    services: IEditorServices;
    contents: Contents.IManager;
    cluster: string;
    /** Whether it is for a service that is not there yet. */
    fresh: boolean;
    /** Whether the cluster is a sandbox. */
    sandbox: () => boolean;
    /** Open the page of a service; where it is open already there is none. */
    open?: (name: string) => void;
    trans: TranslationBundle;
  }
}

/** What to begin with, and which script is shown. */
function Head(props: {
  draft: Draft;
  open: (files: Iterable<File>) => void;
  trans: TranslationBundle;
  fresh: boolean;
}): React.JSX.Element {
  const { draft, open, trans, fresh } = props;
  const picker = React.useRef<HTMLInputElement>(null);
  const { names } = draft;
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
              draft.load(EXAMPLES[value] ?? TEMPLATE);
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
          open(Array.from(target.files ?? []));
          target.value = '';
        }}
      />
      <span className="jp-OscarFill" />
      {names.length > 1 ? (
        <select
          className="jp-OscarSelect"
          aria-label={trans.__('The script that is shown')}
          value={draft.current}
          onChange={({ target: { value } }) => {
            draft.pick(value);
          }}
        >
          {names.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <span>{draft.current}</span>
      )}
    </>
  );
}
