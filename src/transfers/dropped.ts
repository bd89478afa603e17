import { IFileBrowserFactory } from '@jupyterlab/filebrowser';

import { asFolder, toPlace } from '../buckets/paths';
import { IOscarDrives } from '../buckets/tokens';
import { IGiven, ITarget } from './tokens';

/** The class by which core's list shows that it takes files. */
const TAKES = 'jp-mod-native-drop';

/**
 * Take files and folders of the machine that are dropped on a folder of a bucket.
 * Core would send them in small pieces that nobody can pause or go on with, and
 * a folder by renaming a new one.
 */
export function takeDrops(
  browsers: IFileBrowserFactory,
  drives: IOscarDrives,
  take: (target: ITarget, given: Promise<IGiven[]>) => void
): void {
  const onDrop = (event: DragEvent): void => {
    const { dataTransfer, target } = event;
    const browser =
      target instanceof Node && dataTransfer?.types.includes('Files')
        ? browsers.tracker.find(one => one.node.contains(target))
        : undefined;
    const found = browser && drives.place(browser.model.path);
    const place = found && toPlace(found.path);
    if (!dataTransfer || !browser || !place) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    browser.node.querySelector(`.${TAKES}`)?.classList.remove(TAKES);
    const { bucket, key: prefix } = asFolder(place);
    const { cluster } = found;
    take({ cluster, bucket, prefix }, Private.given(dataTransfer));
  };
  document.addEventListener('drop', onDrop, true);
}

namespace Private {
  /** What only some browsers have. */
  interface IItem extends DataTransferItem {
    getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
  }

  type Folder = FileSystemDirectoryHandle & {
    values: () => AsyncIterable<FileSystemHandle>;
  };

  /** The files that were dropped and those in folders; what the event holds must be taken before it is over. */
  export async function given(data: DataTransfer): Promise<IGiven[]> {
    const items = ([...data.items] as IItem[])
      .filter(({ kind }) => kind === 'file')
      .map(item => ({
        handle: item.getAsFileSystemHandle?.().catch(() => null),
        entry: item.webkitGetAsEntry(),
        file: item.getAsFile()
      }));
    const found: IGiven[] = [];
    for (const { entry, file, handle } of items) {
      const one = await handle;
      if (one) {
        await ofHandle(one, '', found);
      } else if (entry) {
        await ofEntry(entry, '', found);
      } else if (file) {
        found.push({ file, path: file.name });
      }
    }
    return found;
  }

  async function ofHandle(
    one: FileSystemHandle,
    above: string,
    found: IGiven[]
  ): Promise<void> {
    const path = above + one.name;
    if (one.kind === 'file') {
      const handle = one as FileSystemFileHandle;
      found.push({ file: await handle.getFile(), path, handle });
    } else {
      for await (const inside of (one as Folder).values()) {
        await ofHandle(inside, `${path}/`, found);
      }
    }
  }

  async function ofEntry(
    one: FileSystemEntry,
    above: string,
    found: IGiven[]
  ): Promise<void> {
    const path = above + one.name;
    if (one.isFile) {
      const file = await new Promise<File>((done, failed) => {
        (one as FileSystemFileEntry).file(done, failed);
      });
      found.push({ file, path });
      return;
    }
    const reader = (one as FileSystemDirectoryEntry).createReader();
    const some = (): Promise<FileSystemEntry[]> =>
      new Promise((done, failed) => {
        reader.readEntries(done, failed);
      });
    // They come a hundred at a time.
    for (let inside = await some(); inside.length; inside = await some()) {
      for (const next of inside) {
        await ofEntry(next, `${path}/`, found);
      }
    }
  }
}
