import { TranslationBundle } from '@jupyterlab/translation';

import { tellProblem } from '../errors';
import { Transfers } from './queue';
import { Sink } from './sink';
import { UploadStorage } from './storage';
import { ITarget, ITransfer } from './tokens';

/**
 * Saves objects on the person's machine. Where a browser lets a page write a file
 * that was chosen, the page does: it shows how far it is, goes on after a break, and
 * leaves nothing half. Elsewhere the browser fetches it by its own means.
 */
export class Downloader {
  constructor(private readonly _options: Downloader.IOptions) {}

  /** Save an object, to a place that is asked for where it can be. */
  async save(target: ITarget, key: string): Promise<void> {
    const { show, storage, transfers } = this._options;
    const name = key.slice(key.lastIndexOf('/') + 1);
    // First of all: a browser asks only right after a click.
    const handle = await Private.place(name);
    if (handle === null) {
      return;
    }
    const there = await storage.info(target, key);
    if (!there) {
      throw new Error(
        this._options.trans.__(
          '%1 is not there any more.',
          `${target.bucket}/${key}`
        )
      );
    }
    if (handle) {
      transfers.fetch(target, key, there.size, new Sink(handle));
    } else {
      transfers.hand(target, key, refused => this._give(target, key, refused));
    }
    show();
  }

  private async _give(
    target: ITarget,
    key: string,
    refused: () => void
  ): Promise<ITransfer.Way> {
    const { storage } = this._options;
    const straight = await storage.straightUrl(target, key);
    Private.load(straight ?? storage.downloadUrl(target, key), refused);
    return straight === undefined ? 'server' : 'straight';
  }

  /** Save a folder as one file, by the browser's own means. */
  saveFolder(target: ITarget): void {
    const { storage, trans } = this._options;
    Private.load(storage.archiveUrl(target), () => {
      const why = new Error(trans.__('There may be nothing in it any more.'));
      void tellProblem(trans.__('The folder was not saved'), why, trans);
    });
  }
}

export namespace Downloader {
  export interface IOptions {
    transfers: Transfers;
    storage: UploadStorage;
    trans: TranslationBundle;
    /** Show what is on its way. */
    show: () => void;
  }
}

namespace Private {
  /** What only some browsers have. */
  interface IPicking {
    showSaveFilePicker?: (options: {
      suggestedName: string;
    }) => Promise<FileSystemFileHandle>;
  }

  /** The file that a person chose to write to; null if none, undefined where a page may not write one. */
  export async function place(
    suggestedName: string
  ): Promise<FileSystemFileHandle | null | undefined> {
    try {
      return await (window as IPicking).showSaveFilePicker?.({ suggestedName });
    } catch (reason) {
      // Others, as in a frame of another site, are a browser's that does not let us.
      const left =
        reason instanceof DOMException && reason.name === 'AbortError';
      return left ? null : undefined;
    }
  }

  /**
   * Have the browser fetch what it will save. In a frame: what is answered instead,
   * as by a link that has expired, never takes this page's place; it is `refused`.
   */
  export function load(url: string, refused: () => void): void {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.sandbox.add('allow-downloads'); // and nothing that runs
    frame.src = url;
    // What is saved loads nothing.
    frame.addEventListener('load', refused);
    document.body.appendChild(frame);
    // It has begun by then, and goes on without the frame.
    window.setTimeout(() => {
      frame.remove();
    }, FRAME);
  }

  const FRAME = 60_000;
}
