import { Clipboard, Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { useChanged } from '../hooks';
import { StateSign } from '../states';
import { IOscarClient, OscarError } from '../tokens';
import { ClusterRow, DiagnosisStep } from '../types';

/** Every part of the way to a cluster, told while it is looked at, up to the first that is broken. */
export class DiagnosisDialog extends Dialog<void> {
  constructor(private readonly _options: DiagnosisDialog.IOptions) {
    const { row, trans } = _options;
    const look = new Private.Look();
    super({
      title: trans.__('The way to %1', row.name),
      body: new Body(look, trans),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Copy as Text') }),
        Dialog.cancelButton({ label: trans.__('Look Again') }),
        Dialog.okButton({ label: trans.__('Close') })
      ],
      defaultButton: 2
    });
    this.addClass('jp-OscarDiagnosis');
    this._look = look;
    void this._run();
  }

  /** Copying and looking again leave it open; core calls this for the buttons and for Enter. */
  override resolve(index = Private.CLOSE): void {
    if (index === Private.COPY) {
      Clipboard.copyToSystem(
        Private.text(this._options.row, this._look, this._options.trans)
      );
    } else if (index === Private.AGAIN) {
      void this._run();
    } else {
      this._aborting.abort();
      super.resolve(index);
    }
  }

  override reject(): void {
    this._aborting.abort();
    super.reject();
  }

  private async _run(): Promise<void> {
    const { client, row } = this._options;
    this._aborting.abort();
    const aborting = (this._aborting = new AbortController());
    const look = this._look;
    look.begin();
    try {
      await client.diagnose(
        row.name,
        step => {
          if (!aborting.signal.aborted) {
            look.tell(step);
          }
        },
        aborting.signal
      );
      look.end('');
    } catch (reason) {
      if (!aborting.signal.aborted) {
        look.end(
          reason instanceof OscarError ? reason.message : String(reason)
        );
      }
    }
  }

  private readonly _look: Private.Look;
  private _aborting = new AbortController();
}

export namespace DiagnosisDialog {
  export interface IOptions {
    client: IOscarClient;
    row: ClusterRow;
    trans: TranslationBundle;
  }
}

class Body extends ReactWidget {
  constructor(
    private readonly _look: Private.Look,
    private readonly _trans: TranslationBundle
  ) {
    super();
  }

  protected override render(): React.JSX.Element {
    return <Steps look={this._look} trans={this._trans} />;
  }
}

function Steps(props: {
  look: Private.Look;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { look, trans } = props;
  useChanged(look.changed);
  return (
    <>
      <ol className="jp-OscarDiagnosis-steps" aria-busy={look.busy}>
        {look.steps.map(step => (
          <li key={step.name} className={`jp-mod-${step.state}`}>
            <StateSign
              state={Private.SIGNS[step.state]}
              label={Private.word(step, trans)}
            />
            <span className="jp-OscarDiagnosis-name">
              {Private.title(step.name, trans)}
            </span>
            <span className="jp-OscarDiagnosis-seen">
              {step.seen || trans.__('not looked at')}
              {step.todo ? (
                <span className="jp-OscarDiagnosis-todo">{step.todo}</span>
              ) : null}
            </span>
          </li>
        ))}
        {look.busy ? (
          <li className="jp-mod-skipped">
            <StateSign state="pending" />
            <span className="jp-OscarDiagnosis-name">
              {trans.__('Looking…')}
            </span>
          </li>
        ) : null}
      </ol>
      <p className="jp-OscarDiagnosis-said" role="status">
        {look.busy ? '' : Private.verdict(look, trans)}
      </p>
    </>
  );
}

namespace Private {
  export const COPY = 0;
  export const AGAIN = 1;
  export const CLOSE = 2;

  export const SIGNS = { ok: 'done', bad: 'failed', skipped: 'unknown' };

  /** What has been seen so far. */
  export class Look {
    readonly changed = new Signal<this, void>(this);
    steps: readonly DiagnosisStep[] = [];
    busy = true;
    /** Why it could not be looked. */
    problem = '';

    begin(): void {
      this.steps = [];
      this.busy = true;
      this.problem = '';
      this.changed.emit();
    }

    tell(step: DiagnosisStep): void {
      this.steps = [...this.steps, step];
      this.changed.emit();
    }

    end(problem: string): void {
      this.busy = false;
      this.problem = problem;
      this.changed.emit();
    }
  }

  export function title(name: string, trans: TranslationBundle): string {
    switch (name) {
      case 'address':
        return trans.__('Address');
      case 'name':
        return trans.__('Name');
      case 'connection':
        return trans.__('Connection');
      case 'proxy':
        return trans.__('Proxy');
      case 'certificate':
        return trans.__('Certificate');
      case 'answer':
        return trans.__('Answer');
      case 'clock':
        return trans.__('Clock');
      case 'sign-in':
        return trans.__('Sign-in');
      case 'rights':
        return trans.__('Rights');
      case 'version':
        return trans.__('Version');
      case 'browser':
        return trans.__('Browser');
      case 'token':
        return trans.__('Token');
      case 'two halves':
        return trans.__('Two halves');
      case 'storage':
        return trans.__('Storage');
      default:
        return name;
    }
  }

  export function word(step: DiagnosisStep, trans: TranslationBundle): string {
    switch (step.state) {
      case 'ok':
        return trans.__('ok');
      case 'bad':
        return trans.__('broken');
      case 'skipped':
        return step.seen ? trans.__('not needed') : trans.__('not looked at');
    }
  }

  export function verdict(look: Look, trans: TranslationBundle): string {
    const bad = look.steps.find(step => step.state === 'bad');
    if (look.problem) {
      return look.problem;
    }
    return bad
      ? trans.__('Broken: %1.', title(bad.name, trans).toLowerCase())
      : trans.__('All of it holds.');
  }

  /** For a letter to whoever can help. */
  export function text(
    row: ClusterRow,
    look: Look,
    trans: TranslationBundle
  ): string {
    const lines = look.steps.map(step =>
      [
        `${title(step.name, trans)} (${word(step, trans)})`,
        step.seen && `: ${step.seen}`,
        step.todo && ` ${step.todo}`
      ].join('')
    );
    return [
      `${row.name} ${row.endpoint}`,
      ...lines,
      look.busy ? '' : verdict(look, trans)
    ].join('\n');
  }
}
