import { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';

import { IStorage } from '../buckets/tokens';
import { tellProblem } from '../errors';
import { oscarIcon } from '../icons';
import { CommandIDs, IOscarModel } from '../tokens';
import { Downloader } from './downloader';
import { Kept } from './kept';
import { Transfers } from './queue';
import { ITarget, ITransfer } from './tokens';
import { Uploader } from './uploader';
import { TransfersView } from './view';

/** What is on its way, its list, and what a person does with it. */
export class TransferPanel {
  constructor(
    private readonly _app: JupyterFrontEnd,
    model: IOscarModel,
    private readonly _storage: IStorage,
    kept: Kept,
    private readonly _trans: TranslationBundle
  ) {
    this.transfers = new Transfers(_storage.uploads, kept, _trans);
    const options = {
      transfers: this.transfers,
      storage: _storage,
      trans: _trans,
      show: () => {
        this.show();
      }
    };
    this.uploader = new Uploader(options);
    this.downloader = new Downloader(options);
    this._watch(model);
    window.addEventListener('beforeunload', event => {
      if (this.transfers.busy) {
        event.preventDefault();
      }
    });
  }

  readonly transfers: Transfers;
  readonly uploader: Uploader;
  readonly downloader: Downloader;

  /** Show what was begun in a folder and never ended. */
  async unfinished(target: ITarget): Promise<void> {
    const { unfinishedDialog } = await import('./unfinished');
    await unfinishedDialog({
      target,
      storage: this._storage.uploads,
      isOurs: id => this.transfers.has(id),
      trans: this._trans
    });
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
          this.uploader.goOn(row).catch(console.warn);
        },
        signIn: row => {
          this._signIn(row).catch(console.warn);
        }
      });
      view.id = 'jupyter-oscar-transfers';
      view.title.label = this._trans.__('Transfers');
      view.title.caption = this._trans.__(
        'Files on their way into buckets and out of them'
      );
      view.title.icon = oscarIcon;
      view.title.closable = true;
      shell.add(view, 'down', { type: 'OSCAR' });
      this._view = view;
    }
    shell.activateById(this._view.id);
  }

  /** See whether what waits can go on as soon as there is news of its cluster. */
  private _watch(model: IOscarModel): void {
    const { clusters } = model;
    let looking: IDisposable | undefined;
    this.transfers.changed.connect(() => {
      const waits = this.transfers.rows.some(row => row.state === 'waiting');
      if (waits) {
        looking ??= model.look();
      } else {
        looking?.dispose();
        looking = undefined;
      }
    });
    let before = new Set<string>();
    clusters.changed.connect(() => {
      const rows = clusters.rows ?? [];
      const there = rows.filter(({ state }) => state === 'ok');
      const names = new Set(there.map(({ name }) => name));
      for (const name of names) {
        if (looking && !before.has(name)) {
          this.transfers.goOn(name);
        }
      }
      before = names;
    });
  }

  private async _signIn({ target: { cluster } }: ITransfer): Promise<void> {
    await this._app.commands.execute(CommandIDs.signIn, { cluster });
    this.transfers.goOn(cluster);
  }

  private async _cancel(row: ITransfer): Promise<void> {
    const trans = this._trans;
    try {
      if (row.state !== 'done' && row.state !== 'handed') {
        const { button } = await showDialog({
          title:
            row.direction === 'up'
              ? trans.__('Cancel the upload of %1?', row.name)
              : trans.__('Cancel the download of %1?', row.name),
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

  private _view: TransfersView | undefined;
}
