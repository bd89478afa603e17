import { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { CheckField, TextField } from '../form';
import {
  ClusterRow,
  DeviceNews,
  DeviceSignIn,
  NewCluster,
  Problem,
  SignIn
} from '../types';

/** Which cluster, and who one is. */
export function ConnectForm(props: ConnectForm.IProps): React.JSX.Element {
  const { form, row, trans } = props;
  const field = (
    name: Field,
    label: string,
    more: Pick<
      React.InputHTMLAttributes<HTMLInputElement>,
      'placeholder' | 'inputMode' | 'type'
    > = {}
  ): React.JSX.Element => (
    <TextField
      label={label}
      name={name}
      value={form.values[name]}
      aria-invalid={form.missing_ === name}
      onText={text => {
        form.set(name, text);
      }}
      {...more}
    />
  );
  const way = (by: Way, label: string): React.JSX.Element => (
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
        {props.mayName || row?.issuer
          ? way('identity', trans.__('Identity provider'))
          : null}
        {way('token', trans.__('Token file'))}
      </div>
      {form.way === 'password' ? (
        <>
          {field('user', trans.__('User'), { placeholder: trans.__('oscar') })}
          {field('password', trans.__('Password'), { type: 'password' })}
        </>
      ) : form.way === 'identity' ? (
        <>
          {props.mayName ? (
            <>
              {field('issuer', trans.__('Identity provider'), {
                placeholder: trans.__('https://login.example.org'),
                inputMode: 'url'
              })}
              {field('client_id', trans.__('Client'), {
                placeholder: trans.__('the name it knows us by')
              })}
            </>
          ) : (
            <p className="jp-OscarQuiet">{row?.issuer}</p>
          )}
          <p className="jp-OscarQuiet">
            {trans.__(
              'You will see a code, and agree to it in any browser. The client has to be one that may sign in on devices.'
            )}
          </p>
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
        <CheckField
          label={trans.__('Check its certificate')}
          checked={form.verify}
          onCheck={verify => {
            form.update({ verify });
          }}
        />
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
          <p className="jp-OscarQuiet">
            {form.way === 'identity'
              ? trans.__('Asking the identity provider…')
              : trans.__('Asking the cluster…')}
          </p>
        ) : form.missing_ ? (
          <p className="jp-mod-error">{trans.__('This is still empty.')}</p>
        ) : null}
      </div>
    </>
  );
}

export namespace ConnectForm {
  export interface IProps {
    form: Form;
    trans: TranslationBundle;
    row?: ClusterRow;
    mayName: boolean;
  }
}

type Way = 'password' | 'identity' | 'token';
type Field =
  | 'name'
  | 'endpoint'
  | 'user'
  | 'password'
  | 'issuer'
  | 'client_id'
  | 'token_file';

/** What was typed, and how far trying it has come. */
export class Form {
  constructor(row?: ClusterRow) {
    this.values = {
      name: row?.name ?? '',
      endpoint: '',
      user: '',
      password: '',
      issuer: row?.issuer ?? '',
      client_id: row?.client_id ?? '',
      token_file: ''
    };
    this._known = row !== undefined;
    this.way = row?.issuer ? 'identity' : 'password';
  }

  readonly values: Record<Field, string>;
  readonly changed = new Signal<this, void>(this);
  way: Way;
  verify = true;
  busy = false;
  problem: Problem | undefined;
  missing_: string | undefined;
  /** What the identity provider waits for. */
  news: DeviceNews | undefined;

  set(field: Field, value: string): void {
    this.values[field] = value;
    this.missing_ = undefined;
    this.changed.emit();
  }

  update(
    changes: Partial<{
      way: Way;
      verify: boolean;
      busy: boolean;
      problem: Problem | undefined;
      missing: string | undefined;
      news: DeviceNews | undefined;
    }>
  ): void {
    const { missing, ...rest } = changes;
    Object.assign(this, rest);
    this.missing_ = missing;
    this.changed.emit();
  }

  /** The first field that is needed and empty. */
  missing(): string | undefined {
    const needed: Field[] = [
      ...(this._known ? [] : (['name', 'endpoint'] as const)),
      ...Private.NEEDED[this.way]
    ];
    return needed.find(field => this.values[field].trim() === '');
  }

  get said(): NewCluster & SignIn {
    const { user, password, token_file } = this.values;
    return this.way === 'password'
      ? { ...this._where, user: user.trim() || null, password }
      : { ...this._where, token_file: token_file.trim() };
  }

  get device(): DeviceSignIn {
    const { issuer, client_id } = this.values;
    const { name, endpoint, verify } = this._where;
    const who = { issuer: issuer.trim(), client_id: client_id.trim() };
    return this._known ? { name, ...who } : { name, endpoint, verify, ...who };
  }

  private get _where(): { name: string; endpoint: string; verify: boolean } {
    const { name, endpoint } = this.values;
    return {
      name: name.trim(),
      endpoint: endpoint.trim(),
      verify: this.verify
    };
  }

  private readonly _known: boolean;
}

namespace Private {
  export const NEEDED: Record<Way, readonly Field[]> = {
    password: ['password'],
    identity: ['issuer', 'client_id'],
    token: ['token_file']
  };
}
