import { tellProblem } from '../errors';
import { chosenFiles } from './chosen';
import { Transfers } from './queue';
import { mayReplace } from './replacing';
import { IGiven, ITarget, ITransfer } from './tokens';

/** Lets a person choose files to send, and asks before something is replaced. */
export class Uploader {
  constructor(private readonly _options: Transfers.IUse) {}

  /** Choose files, or a folder, and send them. */
  async choose(target: ITarget, folder = false): Promise<void> {
    const handles = folder ? undefined : await chosenFiles();
    if (handles) {
      const given = handles.map(async handle => {
        const file = await handle.getFile();
        return { file, handle, path: file.name };
      });
      await this.send(target, Promise.all(given));
    } else if (handles === undefined) {
      const input = Private.input(files => {
        const given = files.map(file => ({
          file,
          path: file.webkitRelativePath || file.name
        }));
        void this.send(target, given);
      });
      input.multiple = true;
      input.webkitdirectory = folder;
      input.click();
    }
  }

  /** Go on with an upload that was left: with its file, or if that is not at hand with one that is chosen. */
  async goOn({ id }: ITransfer): Promise<void> {
    const { transfers } = this._options;
    const file = await transfers.fileOf(id);
    if (file) {
      transfers.chosen(id, file);
      return;
    }
    Private.input(([file]) => {
      transfers.chosen(id, file);
    }).click();
  }

  /** Send files; what is there is replaced only when that is wanted. */
  async send(
    target: ITarget,
    given: readonly IGiven[] | Promise<readonly IGiven[]>
  ): Promise<void> {
    const { show, trans, transfers } = this._options;
    try {
      const files = await given;
      if (await this._mayReplace(target, files)) {
        transfers.add(target, files);
        show();
      }
    } catch (reason) {
      await tellProblem(trans.__('The files were not sent'), reason, trans);
    }
  }

  private async _mayReplace(
    target: ITarget,
    files: readonly IGiven[]
  ): Promise<boolean> {
    const { storage, trans, transfers } = this._options;
    // What is gone on with was asked about when it was begun.
    const names = files
      .filter(file => !transfers.goesOn(target, file))
      .map(({ path }) => path);
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
