import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { useChanged } from '../hooks';
import { OscarError } from '../tokens';
import { ClusterRow, NewCluster, Problem, SignIn } from '../types';

/**
 * The dialog that connects to a cluster, or signs in to a known one. It stays
 * open, with all that was typed, until the cluster has said yes.
 */
export class ConnectDialog extends Dialog<void> {
  constructor(options: ConnectDialog.IOptions) {
    const { row, trans } = options;
    const form = new Private.Form(row?.name ?? '');
    super({
      title: row
        ? trans.__('Sign In to %1', row.name)
        : trans.__('Connect to an OSCAR'),
      body: new FormWidget(form, options),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({
          label: row ? trans.__('Sign In') : trans.__('Connect')
        })
      ],
      focusNodeSelector: row ? '[name="user"]' : '[name="name"]'
    });
    this.addClass('jp-OscarConnect');
    this._form = form;
    this._options = options;
  }

  /** What came of it; undefined when the person cancelled. */
  get row(): ClusterRow | undefined {
    return this._row;
  }

  /** Close only after the cluster has answered; core calls this for the button and for Enter. */
  override resolve(index?: number): void {
    // The default button, where Enter gives none, is the one that connects.
    if (index === 0) {
      super.resolve(0);
      return;
    }
    void this._try();
  }

  private async _try(): Promise<void> {
    if (this._form.busy) {
      return;
    }
    const missing = this._form.missing(this._options.row !== undefined);
    if (missing) {
      this.node.querySelector<HTMLInputElement>(`[name="${missing}"]`)?.focus();
      this._form.update({ missing });
      return;
    }
    this._form.update({ busy: true, problem: undefined, missing: undefined });
    try {
      this._row = await this._options.submit(this._form.said);
      this._form.update({ busy: false });
      super.resolve(1);
    } catch (reason) {
      const problem =
        reason instanceof OscarError
          ? reason.problem
          : {
              code: '',
              message: String(reason),
              hint: '',
              line: null,
              upstream_status: null
            };
      this._form.update({ busy: false, problem });
    }
  }

  private readonly _form: Private.Form;
  private readonly _options: ConnectDialog.IOptions;
  private _row: ClusterRow | undefined;
}

export namespace ConnectDialog {
  export interface IOptions {
    trans: TranslationBundle;
    /** The cluster to sign in to; without it a new one is named. */
    row?: ClusterRow;
    submit: (said: NewCluster) => Promise<ClusterRow>;
  }
}

class FormWidget extends ReactWidget {
  constructor(
    private readonly _form: Private.Form,
    private readonly _options: ConnectDialog.IOptions
  ) {
    super();
    this.addClass('jp-OscarForm');
  }

  protected override render(): React.JSX.Element {
    return <Form form={this._form} {...this._options} />;
  }
}

function Form(
  props: ConnectDialog.IOptions & { form: Private.Form }
): React.JSX.Element {
  const { form, row, trans } = props;
  useChanged(form.changed);
  const field = (
    name: 'name' | 'endpoint' | 'user' | 'password' | 'token_file',
    label: string,
    more: React.InputHTMLAttributes<HTMLInputElement> = {}
  ): React.JSX.Element => (
    <label className="jp-OscarForm-field">
      <span>{label}</span>
      <input
        className="jp-mod-styled"
        name={name}
        value={form.values[name]}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={form.missing_ === name}
        onChange={event => {
          form.set(name, event.target.value);
        }}
        {...more}
      />
    </label>
  );
  const way = (by: 'password' | 'token', label: string): React.JSX.Element => (
    <label>
      <input
        type="radio"
        name="way"
        checked={form.way === by}
        onChange={() => {
          form.update({ way: by });
        }}
      />
      {label}
    </label>
  );
  return (
    <>
      {row ? (
        <p className="jp-OscarQuiet">{row.endpoint}</p>
      ) : (
        <>
          {field('name', trans.__('Name'), {
            placeholder: trans.__('my-oscar')
          })}
          {field('endpoint', trans.__('Address'), {
            placeholder: trans.__('https://oscar.example.org'),
            inputMode: 'url'
          })}
        </>
      )}
      <div
        className="jp-OscarForm-ways"
        role="radiogroup"
        aria-label={trans.__('Sign in with')}
      >
        {way('password', trans.__('User and password'))}
        {way('token', trans.__('Token file'))}
      </div>
      {form.way === 'password' ? (
        <>
          {field('user', trans.__('User'), { placeholder: trans.__('oscar') })}
          {field('password', trans.__('Password'), { type: 'password' })}
        </>
      ) : (
        <>
          {field('token_file', trans.__('File'), {
            placeholder: trans.__('~/.oscar-token')
          })}
          <p className="jp-OscarQuiet">
            {trans.__(
              'A file on the Jupyter server. It is read at every use, so a renewed token is taken up by itself.'
            )}
          </p>
        </>
      )}
      {row ? null : (
        <label className="jp-OscarForm-check">
          <input
            type="checkbox"
            checked={form.verify}
            onChange={event => {
              form.update({ verify: event.target.checked });
            }}
          />
          {trans.__('Check its certificate')}
        </label>
      )}
      <div className="jp-OscarForm-answer" role="alert">
        {form.problem ? (
          <>
            <p className="jp-mod-error">{form.problem.message}</p>
            {form.problem.hint ? (
              <p className="jp-OscarQuiet">{form.problem.hint}</p>
            ) : null}
          </>
        ) : form.busy ? (
          <p className="jp-OscarQuiet">{trans.__('Asking the cluster…')}</p>
        ) : form.missing_ ? (
          <p className="jp-mod-error">{trans.__('This is still empty.')}</p>
        ) : null}
      </div>
    </>
  );
}

namespace Private {
  type Field = 'name' | 'endpoint' | 'user' | 'password' | 'token_file';

  /** What was typed, and how far trying it has come. */
  export class Form {
    constructor(name: string) {
      this.values = {
        name,
        endpoint: '',
        user: '',
        password: '',
        token_file: ''
      };
    }

    readonly values: Record<Field, string>;
    readonly changed = new Signal<this, void>(this);
    way: 'password' | 'token' = 'password';
    verify = true;
    busy = false;
    problem: Problem | undefined;
    missing_: string | undefined;

    set(field: Field, value: string): void {
      this.values[field] = value;
      this.missing_ = undefined;
      this.changed.emit();
    }

    update(
      changes: Partial<{
        way: 'password' | 'token';
        verify: boolean;
        busy: boolean;
        problem: Problem | undefined;
        missing: string | undefined;
      }>
    ): void {
      const { missing, ...rest } = changes;
      Object.assign(this, rest);
      this.missing_ = missing;
      this.changed.emit();
    }

    /** The first field that is needed and empty. */
    missing(known: boolean): string | undefined {
      const needed: Field[] = [
        ...(known ? [] : (['name', 'endpoint'] as const)),
        this.way === 'password' ? 'password' : 'token_file'
      ];
      return needed.find(field => this.values[field].trim() === '');
    }

    get said(): NewCluster & SignIn {
      const { name, endpoint, user, password, token_file } = this.values;
      const where = {
        name: name.trim(),
        endpoint: endpoint.trim(),
        verify: this.verify
      };
      return this.way === 'password'
        ? { ...where, user: user.trim() || null, password }
        : { ...where, token_file: token_file.trim() };
    }
  }
}
