import { tellProblem } from '../errors';
import { Transfers } from './queue';
import { mayReplace } from './replacing';
import { ITarget, ITransfer } from './tokens';

/** Lets a person choose files to send, and asks before something is replaced. */
export class Uploader {
  constructor(private readonly _options: Transfers.IUse) {}

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
    const { storage, trans, transfers } = this._options;
    // What is gone on with was asked about when it was begun.
    const names = files
      .filter(file => !transfers.goesOn(target, file))
      .map(file => file.webkitRelativePath || file.name);
    return mayReplace(names, {
      isThere: async name =>
        (await storage.uploads.info(target, target.prefix + name)) !==
        undefined,
      all: {
        title: trans.__('Send %1 files?', files.length),
        label: trans.__('Send %1 files', files.length)
      },
      trans
    });
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
