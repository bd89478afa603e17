import { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';

import { tellProblem } from '../errors';
import { oscarIcon } from '../icons';
import { CommandIDs, IOscarModel } from '../tokens';
import { Transfers } from './queue';
import { UploadStorage } from './storage';
import { ITarget, ITransfer } from './tokens';
import { TransfersView } from './view';

/** Files that are looked up before they are sent, and how many at a time; of more it is asked once for all. */
const LOOKED_UP = 200;
const AT_ONCE = 8;

/** Lets a person choose files, asks before something is replaced or given up, and shows the list. */
export class Uploader {
  constructor(
    private readonly _app: JupyterFrontEnd,
    model: IOscarModel,
    state: IStateDB | null,
    private readonly _trans: TranslationBundle
  ) {
    const { serverSettings } = _app.serviceManager;
    this._storage = new UploadStorage({ serverSettings, trans: _trans });
    this.transfers = new Transfers(this._storage, state, _trans);
    this._watch(model);
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
    if (await this._mayReplace(target, files)) {
      this.transfers.add(target, files);
      this.show();
    }
  }

  /** Save a folder as one file, by the browser's own downloads. */
  save(target: ITarget): void {
    const anchor = document.createElement('a');
    anchor.href = this._storage.archiveUrl(target);
    anchor.download = '';
    document.body.appendChild(anchor);
    anchor.click();
    anchor.remove();
  }

  /** Show what was begun in a folder and never ended. */
  async unfinished(target: ITarget): Promise<void> {
    const { unfinishedDialog } = await import('./unfinished');
    await unfinishedDialog({
      target,
      storage: this._storage,
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
          this.choose(row.target);
        },
        signIn: row => {
          this._signIn(row).catch(console.warn);
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

  private async _mayReplace(target: ITarget, files: File[]): Promise<boolean> {
    const trans = this._trans;
    if (files.length > LOOKED_UP) {
      return this._agreed(
        trans.__('Send %1 files?', files.length),
        trans.__('Those that are there already are replaced.'),
        trans.__('Send %1 files', files.length)
      );
    }
    const there = await this._there(
      target,
      // What is gone on with was asked about when it was begun.
      files.filter(file => !this.transfers.goesOn(target, file))
    );
    if (there.length === 0) {
      return true;
    }
    const one = there.length === 1;
    return this._agreed(
      one
        ? trans.__('%1 is there already', there[0])
        : trans.__('%1 of these files are there already', there.length),
      trans.__('What is there is replaced.'),
      one
        ? trans.__('Replace %1', there[0])
        : trans.__('Replace %1 files', there.length)
    );
  }

  /** The names of those under which there is something. */
  private async _there(target: ITarget, files: File[]): Promise<string[]> {
    const names = files.map(file => file.webkitRelativePath || file.name);
    const found: string[] = [];
    const left = names.values();
    const look = async (): Promise<void> => {
      for (const name of left) {
        if (await this._storage.info(target, target.prefix + name)) {
          found.push(name);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, look));
    return found;
  }

  private async _agreed(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const { button } = await showDialog({
      title,
      body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label })]
    });
    return button.accept;
  }

  /** Go on with what waits for a sign-in, once there was one. */
  private _watch(model: IOscarModel): void {
    const { clusters } = model;
    let looking: IDisposable | undefined;
    let away = new Set<string>();
    this.transfers.changed.connect(() => {
      const waits = this.transfers.rows.some(row => row.state === 'waiting');
      if (waits && !looking) {
        looking = model.look();
        clusters.refresh();
      } else if (!waits) {
        looking?.dispose();
        looking = undefined;
      }
    });
    clusters.changed.connect(() => {
      const rows = clusters.rows ?? [];
      const back = rows.filter(
        ({ name, state }) => state === 'ok' && away.has(name)
      );
      away = new Set(
        rows.flatMap(({ name, state }) => (state === 'ok' ? [] : [name]))
      );
      for (const { name } of back) {
        this.transfers.goOn(name);
      }
    });
  }

  private async _signIn({ target }: ITransfer): Promise<void> {
    const { commands } = this._app;
    await commands.execute(CommandIDs.signIn, { name: target.cluster });
    this.transfers.goOn(target.cluster);
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
