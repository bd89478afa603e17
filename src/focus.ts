import { ContextMenuSvg } from '@jupyterlab/ui-components';

/** Give the focus back to the row whose context menu was left; Lab leaves it nowhere. */
export function returnFocus(contextMenu: ContextMenuSvg): void {
  let from: HTMLElement | null = null;
  document.addEventListener(
    'contextmenu',
    ({ target }) => {
      const ours =
        target instanceof Element &&
        target.closest('.jp-OscarServiceRow, .jp-OscarCallRow');
      from = ours ? (document.activeElement as HTMLElement | null) : null;
    },
    true
  );
  contextMenu.menu.aboutToClose.connect(() => {
    const to = from;
    // What was chosen runs first, and may take the focus.
    window.setTimeout(() => {
      if (to?.isConnected && document.activeElement === document.body) {
        to.focus();
      }
    });
  });
}
