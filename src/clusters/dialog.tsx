import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useChanged } from '../hooks';
import { OscarError } from '../tokens';
import { ClusterRow, DeviceNews, DeviceSignIn, NewCluster } from '../types';
import { DeviceCode } from './device';
import { ConnectForm, Form } from './form';

/**
 * The dialog that connects to a cluster, or signs in to a known one. It stays
 * open, with all that was typed, until the cluster has said yes.
 */
export class ConnectDialog extends Dialog<void> {
  constructor(options: ConnectDialog.IOptions) {
    const { row, trans } = options;
    const form = new Form(row);
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
      focusNodeSelector: row
        ? '[name="user"], [name="issuer"], [name="way"]:checked'
        : '[name="name"]'
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
      this._aborting.abort();
      super.resolve(0);
      return;
    }
    void this._try();
  }

  override reject(): void {
    this._aborting.abort();
    super.reject();
  }

  private async _try(): Promise<void> {
    if (this._form.busy) {
      return;
    }
    const missing = this._form.missing();
    if (missing) {
      this.node.querySelector<HTMLInputElement>(`[name="${missing}"]`)?.focus();
      this._form.update({ missing });
      return;
    }
    this._form.update({ busy: true, problem: undefined, missing: undefined });
    try {
      this._row =
        this._form.way === 'identity'
          ? await this._byDevice()
          : await this._options.submit(this._form.said);
      this._form.update({ busy: false });
      super.resolve(1);
    } catch (reason) {
      if (this.hasClass('jp-mod-waiting')) {
        this.removeClass('jp-mod-waiting');
        // What had the focus goes away with the code.
        this.node
          .querySelector<HTMLElement>('.jp-Dialog-button.jp-mod-accept')
          ?.focus();
      }
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
      this._form.update({ busy: false, problem, news: undefined });
    }
  }

  /** Show the code until it was agreed to; leaving the dialog cancels. */
  private async _byDevice(): Promise<ClusterRow> {
    this._aborting = new AbortController();
    return await this._options.signInOnDevice(
      this._form.device,
      news => {
        this.addClass('jp-mod-waiting');
        this._form.update({ busy: true, news });
      },
      this._aborting.signal
    );
  }

  private _aborting = new AbortController();
  private readonly _form: Form;
  private readonly _options: ConnectDialog.IOptions;
  private _row: ClusterRow | undefined;
}

export namespace ConnectDialog {
  export interface IOptions {
    trans: TranslationBundle;
    /** The cluster to sign in to; without it a new one is named. */
    row?: ClusterRow;
    submit: (said: NewCluster) => Promise<ClusterRow>;
    /** Tells the code, then that it was agreed to; the row when all is done. */
    signInOnDevice: (
      said: DeviceSignIn,
      tell: (news: DeviceNews) => void,
      signal: AbortSignal
    ) => Promise<ClusterRow>;
    /** Whether a person may name an identity provider here. */
    mayName: boolean;
  }
}

class FormWidget extends ReactWidget {
  constructor(
    private readonly _form: Form,
    private readonly _options: ConnectDialog.IOptions
  ) {
    super();
    this.addClass('jp-OscarForm');
  }

  protected override render(): React.JSX.Element {
    return <Body form={this._form} {...this._options} />;
  }
}

function Body(
  props: ConnectDialog.IOptions & { form: Form }
): React.JSX.Element {
  const { form, trans } = props;
  useChanged(form.changed);
  return form.news ? (
    <DeviceCode news={form.news} trans={trans} />
  ) : (
    <ConnectForm {...props} />
  );
}
