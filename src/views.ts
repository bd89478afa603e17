import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel } from '@lumino/widgets';

/** Stands beside a widget's view in an output of ours. */
const OURS = 'application/vnd.jupyter-oscar.view+json';
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const WRITTEN = 'text/html';
/** Before the widget manager's own, which is -10. */
const RANK = -20;

/**
 * Shows a live view, and what is written of it for as long as the view is not
 * there: in a notebook that was saved meanwhile and opened without its kernel,
 * where the widget manager can only say that it has no model.
 */
export const viewsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:views',
  description: 'Shows what is written of a live view whose kernel has gone.',
  autoStart: true,
  optional: [INotebookTracker],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker | null) => {
    notebooks?.widgetAdded.connect((_, panel) => {
      panel.content.rendermime.addFactory(
        {
          // Where a notebook is not trusted, what is written is all that is shown.
          safe: false,
          mimeTypes: [OURS],
          createRenderer: () => new Private.View(panel)
        },
        RANK
      );
    });
  }
};

namespace Private {
  export class View extends Panel implements IRenderMime.IRenderer {
    constructor(private panel: NotebookPanel) {
      super();
      this.addClass('jp-OscarView');
    }

    async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
      this.widgets.slice().forEach(widget => {
        widget.dispose();
      });
      const { sessionContext, content } = this.panel;
      const written = content.rendermime.createRenderer(WRITTEN);
      written.addClass('jp-OscarView-written');
      this.addWidget(written);
      await written.renderModel(model);
      // Once it knows the kernel, the widget manager puts a renderer in the place of one that only waits for it.
      await sessionContext.ready;
      await new Promise(resolve => setTimeout(resolve));
      if (written.isDisposed || !content.rendermime.getFactory(WIDGET)) {
        return;
      }
      const live = content.rendermime.createRenderer(WIDGET);
      live.addClass('jp-OscarView-live');
      this.insertWidget(0, live);
      await live.renderModel(model);
    }
  }
}
