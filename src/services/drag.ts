import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

/** Pixels that the mouse moves before a press becomes a drag, as in core's lists. */
const THRESHOLD = 5;

/** Drag a code cell out of a row, into a notebook, once the pressed mouse moves. */
export function dragCell(
  press: { clientX: number; clientY: number },
  row: HTMLElement,
  source: string
): void {
  const stop = (): void => {
    document.removeEventListener('mousemove', onMove, true);
    document.removeEventListener('mouseup', stop, true);
  };
  const onMove = (event: MouseEvent): void => {
    const dx = Math.abs(event.clientX - press.clientX);
    const dy = Math.abs(event.clientY - press.clientY);
    if (dx < THRESHOLD && dy < THRESHOLD) {
      return;
    }
    stop();
    event.preventDefault();
    const mimeData = new MimeData();
    mimeData.setData('application/vnd.jupyter.cells', [
      { cell_type: 'code', source, metadata: {}, outputs: [] }
    ]);
    mimeData.setData('text/plain', source);
    const image = row.cloneNode(true) as HTMLElement;
    image.classList.add('jp-OscarRow-dragged');
    const drag = new Drag({
      mimeData,
      dragImage: image,
      supportedActions: 'copy',
      proposedAction: 'copy',
      source: row
    });
    void drag.start(event.clientX, event.clientY).then(() => {
      drag.dispose();
    });
  };
  document.addEventListener('mousemove', onMove, true);
  document.addEventListener('mouseup', stop, true);
}
