import { JupyterFrontEnd } from '@jupyterlab/application';

/**
 * What core offers for every entry of a file browser and what goes wrong with
 * one of a bucket: a terminal has no such folder, a link of Jupyter's opens
 * nothing for others. For downloads and links there are commands of ours.
 */
const LEFT_OUT = new Set([
  'filebrowser:copy-download-link',
  'filebrowser:download',
  'filebrowser:open-browser-tab',
  'filebrowser:share-main',
  'terminal:open-folder-in-terminal'
]);

/** What core offers for files and folders, and buckets are neither: they keep their names, and hold all files. */
const NOT_OF_BUCKETS = new Set([
  'filebrowser:copy',
  'filebrowser:create-new-directory',
  'filebrowser:create-new-file',
  'filebrowser:cut',
  'filebrowser:paste',
  'filebrowser:rename',
  'fileeditor:create-new',
  'notebook:create-new'
]);

/** Leave out of the context menu of our file browsers what is not for them; core finds its items by selectors that fit all. */
export function trimMenu(app: JupyterFrontEnd): void {
  const { contextMenu } = app;
  const { menu } = contextMenu;
  const at = { x: 0, y: 0 };
  document.addEventListener(
    'contextmenu',
    ({ clientX, clientY }) => {
      Object.assign(at, { x: clientX, y: clientY });
    },
    true
  );
  contextMenu.opened.connect(() => {
    const browser = app.contextMenuHitTest(node =>
      node.classList.contains('jp-OscarFiles')
    );
    const isRoot = browser?.classList.contains('jp-mod-root') ?? false;
    const items = menu.items.filter(
      ({ command }) =>
        browser &&
        (LEFT_OUT.has(command) || (isRoot && NOT_OF_BUCKETS.has(command)))
    );
    if (items.length) {
      for (const item of items) {
        menu.removeItem(item);
      }
      // It was closed by that, before anybody saw it.
      menu.open(at.x, at.y);
    }
  });
}
