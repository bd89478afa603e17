import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';

import { insertBelow } from '../cells';
import { words } from '../commands';
import { IOscarDrives } from './tokens';

/**
 * Says once where the kernel of a notebook in a bucket runs: in the person's own
 * files, so that a relative path does not lead to what lies beside the notebook.
 */
export const kernelFolderPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:kernel-folder',
  description: 'Says where the kernel of a notebook in a bucket runs.',
  autoStart: true,
  requires: [IOscarDrives],
  optional: [INotebookTracker, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    drives: IOscarDrives,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ): void => {
    const trans = words(translator);
    let isSaid = false;
    notebooks?.widgetAdded.connect((_, panel) => {
      const found = drives.place(panel.context.path);
      if (!found || isSaid) {
        return;
      }
      isSaid = true;
      const folder = found.path.split('/').slice(0, -1).join('/');
      void panel.context.ready.then(() => {
        Notification.info(
          trans.__(
            'Its kernel runs in your own files: read what lies beside this notebook through cluster.fs.'
          ),
          {
            autoClose: 15_000,
            actions: [
              {
                label: trans.__('Insert a cell'),
                callback: () => {
                  insertBelow(
                    panel,
                    [
                      'import jupyter_oscar as oscar',
                      '',
                      `cluster = oscar.connect(${JSON.stringify(found.cluster)})`,
                      `cluster.fs.ls(${JSON.stringify(folder)})`
                    ].join('\n')
                  );
                }
              }
            ]
          }
        );
      });
    });
  }
};
