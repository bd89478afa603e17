import { tellProblem } from '../errors';
import { chosenFiles } from './chosen';
import { Transfers } from './queue';
import { mayReplace } from './replacing';
import { ITarget, ITransfer } from './tokens';

/** Lets a person choose files to send, and asks before something is replaced. */
export class Uploader {
  constructor(private readonly _options: Transfers.IUse) {}

  /** Choose files, or a folder, and send them. */
  async choose(target: ITarget, folder = false): Promise<void> {
    const handles = folder ? undefined : await chosenFiles();
    if (handles) {
      await this._sendChosen(target, handles).catch((reason: unknown) =>
        this._failed(reason)
      );
    } else if (handles === undefined) {
      const input = Private.input(files => {
        this.send(target, files).catch((reason: unknown) =>
          this._failed(reason)
        );
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

  /** Send files; what is there is replaced only when that is wanted. Those with a handle can be read after a reload. */
  async send(
    target: ITarget,
    files: File[],
    handles?: ReadonlyMap<File, FileSystemFileHandle>
  ): Promise<void> {
    if (await this._mayReplace(target, files)) {
      this._options.transfers.add(target, files, handles);
      this._options.show();
    }
  }

  private async _sendChosen(
    target: ITarget,
    handles: readonly FileSystemFileHandle[]
  ): Promise<void> {
    const files = new Map<File, FileSystemFileHandle>();
    for (const handle of handles) {
      files.set(await handle.getFile(), handle);
    }
    await this.send(target, [...files.keys()], files);
  }

  private _failed(reason: unknown): Promise<void> {
    const { trans } = this._options;
    return tellProblem(trans.__('The files were not sent'), reason, trans);
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
