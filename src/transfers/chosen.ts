/**
 * Files and folders of the person's machine that a page may write, where a
 * browser has the means: it asks for them, and only right after a click. Each is
 * null where the person chose none, undefined where a page may not.
 */

/** A file to write to. */
export function chosenFile(
  suggestedName: string
): Promise<FileSystemFileHandle | null | undefined> {
  return Private.asked(() =>
    Private.browser.showSaveFilePicker?.({ suggestedName })
  );
}

/** Files to read, which can be read again later; without the means an input element chooses. */
export function chosenFiles(): Promise<
  FileSystemFileHandle[] | null | undefined
> {
  return Private.asked(() =>
    Private.browser.showOpenFilePicker?.({ multiple: true })
  );
}

/** A file that was chosen in another life of the page, if the person lets it be read again: asked right after a click. */
export async function readAgain(
  handle: FileSystemFileHandle
): Promise<File | undefined> {
  const asking = handle as Private.IAsking;
  const said = await asking.requestPermission?.({ mode: 'read' });
  // A file that is not there any more is one that cannot be read.
  return said === 'granted'
    ? handle.getFile().catch(() => undefined)
    : undefined;
}

/** A folder to write into. */
export function chosenFolder(): Promise<
  FileSystemDirectoryHandle | null | undefined
> {
  return Private.asked(() =>
    Private.browser.showDirectoryPicker?.({
      id: 'jupyter-oscar',
      mode: 'readwrite'
    })
  );
}

/** Whether a folder can be chosen here at all. */
export function choosesFolders(): boolean {
  return Private.browser.showDirectoryPicker !== undefined;
}

/** A file below a folder, made with the folders in between. */
export async function fileIn(
  folder: FileSystemDirectoryHandle,
  path: readonly string[]
): Promise<FileSystemFileHandle> {
  const [last, ...above] = [...path].reverse();
  let here = folder;
  for (const name of above.reverse()) {
    here = await here.getDirectoryHandle(name, { create: true });
  }
  return here.getFileHandle(last, { create: true });
}

/** Whether there is something under that name. */
export async function isIn(
  folder: FileSystemDirectoryHandle,
  path: readonly string[]
): Promise<boolean> {
  const [first, ...rest] = path;
  try {
    if (!rest.length) {
      await folder.getFileHandle(first);
      return true;
    }
    return await isIn(await folder.getDirectoryHandle(first), rest);
  } catch {
    return false; // what else is wrong is said when it is written
  }
}

namespace Private {
  /** What only some browsers have. */
  interface IChoosing {
    showOpenFilePicker?: (options: {
      multiple: true;
    }) => Promise<FileSystemFileHandle[]>;
    showSaveFilePicker?: (options: {
      suggestedName: string;
    }) => Promise<FileSystemFileHandle>;
    showDirectoryPicker?: (options: {
      id: string;
      mode: 'readwrite';
    }) => Promise<FileSystemDirectoryHandle>;
  }

  export interface IAsking extends FileSystemFileHandle {
    requestPermission?: (options: { mode: 'read' }) => Promise<string>;
  }

  export const browser = window as unknown as IChoosing;

  export async function asked<T>(
    ask: () => Promise<T> | undefined
  ): Promise<T | null | undefined> {
    try {
      return await ask();
    } catch (reason) {
      // Others, as in a frame of another site, are a browser's that does not let us.
      const left =
        reason instanceof DOMException && reason.name === 'AbortError';
      return left ? null : undefined;
    }
  }
}
