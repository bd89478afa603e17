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
    const isOurs = app.contextMenuHitTest(node =>
      node.classList.contains('jp-OscarFiles')
    );
    const items = isOurs
      ? menu.items.filter(({ command }) => LEFT_OUT.has(command))
      : [];
    if (items.length) {
      for (const item of items) {
        menu.removeItem(item);
      }
      // It was closed by that, before anybody saw it.
      menu.open(at.x, at.y);
    }
  });
}
