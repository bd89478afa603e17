import { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';

import { tellProblem } from '../errors';
import { oscarIcon } from '../icons';
import { Transfers } from './queue';
import { UploadStorage } from './storage';
import { ITarget, ITransfer } from './tokens';
import { TransfersView } from './view';

/** Files that are looked up before they are sent, so that nothing is replaced unasked. */
const LOOKED_UP = 50;

/** Lets a person choose files, asks before something is replaced or given up, and shows the list. */
export class Uploader {
  constructor(
    private readonly _app: JupyterFrontEnd,
    state: IStateDB | null,
    private readonly _trans: TranslationBundle
  ) {
    const { serverSettings } = _app.serviceManager;
    this._storage = new UploadStorage({ serverSettings, trans: _trans });
    this.transfers = new Transfers(this._storage, state, _trans);
    window.addEventListener('beforeunload', event => {
      if (this.transfers.busy) {
        event.preventDefault();
      }
    });
  }

  readonly transfers: Transfers;

  choose(target: ITarget, folder = false): void {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.webkitdirectory = folder;
    input.addEventListener('change', () => {
      this.send(target, [...(input.files ?? [])]).catch((reason: unknown) =>
        tellProblem(
          this._trans.__('The files were not sent'),
          reason,
          this._trans
        )
      );
    });
    input.click();
  }

  /** Send files; what is there is replaced only when that is wanted. */
  async send(target: ITarget, files: File[]): Promise<void> {
    const trans = this._trans;
    const there: string[] = [];
    for (const file of files.slice(0, LOOKED_UP)) {
      const name = file.webkitRelativePath || file.name;
      if (await this._storage.info(target, target.prefix + name)) {
        there.push(name);
      }
    }
    if (there.length > 0) {
      const [name] = there;
      const count = there.length;
      const { button } = await showDialog({
        title:
          count === 1
            ? trans.__('%1 is there already', name)
            : trans.__('%1 of these files are there already', count),
        body: trans.__('What is there is replaced.'),
        buttons: [
          Dialog.cancelButton(),
          Dialog.warnButton({
            label:
              count === 1
                ? trans.__('Replace %1', name)
                : trans.__('Replace %1 files', count)
          })
        ]
      });
      if (!button.accept) {
        return;
      }
    }
    this.transfers.add(target, files);
    this.show();
  }

  show(): void {
    const { shell } = this._app;
    if (!this._view || this._view.isDisposed) {
      const view = new TransfersView({
        transfers: this.transfers,
        trans: this._trans,
        cancel: row => {
          void this._cancel(row);
        },
        choose: row => {
          this.choose(row.target);
        }
      });
      view.id = 'jupyter-oscar-transfers';
      view.title.label = this._trans.__('Uploads');
      view.title.caption = this._trans.__('Files on their way into buckets');
      view.title.icon = oscarIcon;
      view.title.closable = true;
      shell.add(view, 'down', { type: 'OSCAR' });
      this._view = view;
    }
    shell.activateById(this._view.id);
  }

  private async _cancel(row: ITransfer): Promise<void> {
    const trans = this._trans;
    try {
      if (row.state !== 'done') {
        const { button } = await showDialog({
          title: trans.__('Cancel the upload of %1?', row.name),
          body: trans.__('What has arrived of it is removed.'),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Keep It') }),
            Dialog.warnButton({ label: trans.__('Cancel %1', row.name) })
          ]
        });
        if (!button.accept) {
          return;
        }
      }
      await this.transfers.cancel(row.id);
    } catch (reason) {
      await tellProblem(trans.__('It cannot be cancelled'), reason, trans);
    }
  }

  private readonly _storage: UploadStorage;
  private _view: TransfersView | undefined;
}
