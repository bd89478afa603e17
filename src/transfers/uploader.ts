import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { tellProblem } from '../errors';
import { Transfers } from './queue';
import { UploadStorage } from './storage';
import { ITarget, ITransfer } from './tokens';

/** Files that are looked up before they are sent, and how many at a time; of more it is asked once for all. */
const LOOKED_UP = 200;
const AT_ONCE = 8;

/** Lets a person choose files to send, and asks before something is replaced. */
export class Uploader {
  constructor(private readonly _options: Uploader.IOptions) {}

  choose(target: ITarget, folder = false): void {
    const input = Private.input(files => {
      this.send(target, files).catch((reason: unknown) => {
        const { trans } = this._options;
        return tellProblem(trans.__('The files were not sent'), reason, trans);
      });
    });
    input.multiple = true;
    input.webkitdirectory = folder;
    input.click();
  }

  /** Choose the file of an upload that was left. */
  chooseAgain({ id }: ITransfer): void {
    Private.input(([file]) => {
      this._options.transfers.chosen(id, file);
    }).click();
  }

  /** Send files; what is there is replaced only when that is wanted. */
  async send(target: ITarget, files: File[]): Promise<void> {
    if (await this._mayReplace(target, files)) {
      this._options.transfers.add(target, files);
      this._options.show();
    }
  }

  private async _mayReplace(target: ITarget, files: File[]): Promise<boolean> {
    const { trans, transfers } = this._options;
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
      files.filter(file => !transfers.goesOn(target, file))
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
        if (await this._options.storage.info(target, target.prefix + name)) {
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
}

export namespace Uploader {
  export interface IOptions {
    transfers: Transfers;
    storage: UploadStorage;
    trans: TranslationBundle;
    /** Show what is on its way. */
    show: () => void;
  }
}

namespace Private {
  /** What a person chooses files with. */
  export function input(chosen: (files: File[]) => void): HTMLInputElement {
    const made = document.createElement('input');
    made.type = 'file';
    made.addEventListener('change', () => {
      chosen([...(made.files ?? [])]);
    });
    return made;
  }
}
