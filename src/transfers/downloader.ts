import { TranslationBundle } from '@jupyterlab/translation';

import { toPath } from '../buckets/paths';
import { below } from '../buckets/walk';
import { tellProblem } from '../errors';
import { ObjectRow } from '../types';
import { chosenFile, chosenFolder, fileIn, isIn } from './chosen';
import { Transfers } from './queue';
import { mayReplace } from './replacing';
import { Sink } from './sink';
import { ITarget, ITransfer } from './tokens';

/**
 * Saves objects on the person's machine. Where a browser lets a page write a file
 * that was chosen, the page does: it shows how far it is, goes on after a break, and
 * leaves nothing half. Elsewhere the browser fetches it by its own means.
 */
export class Downloader {
  constructor(private readonly _options: Transfers.IUse) {}

  /** Save an object, to a place that is asked for where it can be. */
  async save(target: ITarget, key: string): Promise<void> {
    const { show, transfers } = this._options;
    // First of all: a browser asks only right after a click.
    const handle = await chosenFile(key.slice(key.lastIndexOf('/') + 1));
    if (handle === null) {
      return;
    }
    const there = await this._look(target, key);
    if (handle) {
      transfers.fetch(target, [{ ...there, sink: new Sink(handle) }]);
    } else {
      this._hand(target, key);
    }
    show();
  }

  /**
   * Save objects, and folders ("a/") with all that is in them, into a folder that
   * is asked for; where none can be, each by the browser's own means.
   */
  async saveAll(target: ITarget, keys: readonly string[]): Promise<void> {
    const { show, transfers, trans } = this._options;
    const folder = await chosenFolder();
    if (folder === null) {
      return;
    }
    if (!folder) {
      for (const key of keys) {
        if (key.endsWith('/')) {
          this.saveFolder({ ...target, prefix: key });
        } else {
          this._hand(target, key);
        }
      }
      show();
      return;
    }
    const rows = await this._all(target, keys);
    const path = ({ key }: { key: string }): string[] =>
      toPath({ bucket: '', key: key.slice(target.prefix.length) })
        .split('/')
        .slice(1);
    const paths = new Map(rows.map(row => [path(row).join('/'), path(row)]));
    Private.refuseSame([...paths.keys()], trans);
    const may = await mayReplace([...paths.keys()], {
      isThere: name => isIn(folder, paths.get(name) ?? []),
      all: {
        title: trans.__('Save %1 files?', rows.length),
        label: trans.__('Save %1 files', rows.length)
      },
      trans
    });
    if (may) {
      transfers.fetch(
        target,
        rows.map(row => ({
          ...row,
          sink: new Sink(() => fileIn(folder, path(row)))
        }))
      );
      show();
    }
  }

  /** Save a folder as one file, by the browser's own means. */
  saveFolder(target: ITarget): void {
    const { storage, trans } = this._options;
    Private.load(storage.uploads.archiveUrl(target), () => {
      const why = new Error(trans.__('There may be nothing in it any more.'));
      void tellProblem(trans.__('The folder was not saved'), why, trans);
    });
  }

  private async _all(
    target: ITarget,
    keys: readonly string[]
  ): Promise<ObjectRow[]> {
    const { bucket, cluster } = target;
    const rows: ObjectRow[] = [];
    for (const key of keys) {
      if (!key.endsWith('/')) {
        rows.push(await this._look(target, key));
        continue;
      }
      const { storage } = this._options;
      for await (const row of below(storage, cluster, bucket, key)) {
        if (!row.key.endsWith('/')) {
          rows.push(row);
        }
      }
    }
    return rows;
  }

  private async _look(target: ITarget, key: string): Promise<ObjectRow> {
    const { storage, trans } = this._options;
    const there = await storage.uploads.info(target, key);
    if (!there) {
      throw new Error(
        trans.__('%1 is not there any more.', `${target.bucket}/${key}`)
      );
    }
    return there;
  }

  /** Have the browser fetch it by its own means. */
  private _hand(target: ITarget, key: string): void {
    this._options.transfers.hand(target, key, refused =>
      this._give(target, key, refused)
    );
  }

  private async _give(
    target: ITarget,
    key: string,
    refused: () => void
  ): Promise<ITransfer.Way> {
    const { uploads } = this._options.storage;
    const straight = await uploads.straightUrl(target, key);
    Private.load(straight ?? uploads.downloadUrl(target, key), refused);
    return straight === undefined ? 'server' : 'straight';
  }
}

namespace Private {
  /** Refuse names that some machines take for one: the second would replace the first. */
  export function refuseSame(
    names: readonly string[],
    trans: TranslationBundle
  ): void {
    const known = new Map<string, string>();
    for (const name of names) {
      const seen = name.normalize('NFC').toLowerCase();
      const other = known.get(seen);
      if (other !== undefined) {
        throw new Error(
          trans.__(
            '%1 and %2 may be one file on this machine. Save them one by one.',
            other,
            name
          )
        );
      }
      known.set(seen, name);
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
