import { FileBrowser, IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { Contents } from '@jupyterlab/services';
import { Drag } from '@lumino/dragdrop';

import { IOscarDrives } from './tokens';

/** What core's file browsers drag: paths of the contents API. */
const CONTENTS = 'application/x-jupyter-icontents';
const TARGET = 'jp-mod-dropTarget';
const NAMES = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];

/**
 * Let files be dragged between file browsers on different drives, one of which is
 * ours: core would try to rename them across drives, and fail.
 */
export function dragBetween(
  browsers: IFileBrowserFactory,
  contents: Contents.IManager,
  drives: IOscarDrives,
  copy: (paths: readonly string[], folder: string) => void
): void {
  let marked: Element | null = null;
  const mark = (next: Element | null): void => {
    marked?.classList.remove(TARGET);
    next?.classList.add(TARGET);
    marked = next;
  };

  const onDrag = (raw: Event): void => {
    const event = raw as unknown as Drag.Event;
    const paths = Private.paths(event);
    const browser = Private.browser(browsers, event.target);
    if (!browser || !paths.length) {
      mark(null);
      return;
    }
    const from = contents.driveName(paths[0]);
    const to = contents.driveName(browser.model.path);
    if (
      from === to ||
      !(drives.place(paths[0]) ?? drives.place(browser.model.path))
    ) {
      return;
    }
    const item = (event.target as Element).closest(
      '.jp-DirListing-item[data-isdir="true"]'
    );
    const within = item ? browser.modelForClick(event) : undefined;
    const folder = within?.path ?? browser.model.path;
    // A list of buckets takes no files.
    const takes = !drives.place(folder) || contents.localPath(folder) !== '';
    event.preventDefault();
    event.stopPropagation();
    event.dropAction = takes ? event.proposedAction : 'none';
    mark(
      event.type === 'lm-drop' || event.type === 'lm-dragleave' ? null : item
    );
    if (event.type === 'lm-drop' && takes) {
      copy(paths, folder);
    }
  };
  for (const name of NAMES) {
    document.addEventListener(name, onDrag, true);
  }
}

namespace Private {
  export function paths(event: Drag.Event): string[] {
    const found: unknown = event.mimeData.getData(CONTENTS);
    return Array.isArray(found)
      ? found.filter(path => typeof path === 'string')
      : [];
  }

  export function browser(
    browsers: IFileBrowserFactory,
    target: EventTarget | null
  ): FileBrowser | undefined {
    return target instanceof Node
      ? browsers.tracker.find(one => one.node.contains(target))
      : undefined;
  }
}
