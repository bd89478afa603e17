import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';

/** Insert a cell below the active one, ready to be changed and run. */
export function insertBelow(panel: NotebookPanel, source: string): void {
  const notebook = panel.content;
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(source);
  panel.activate();
  notebook.mode = 'edit';
}
