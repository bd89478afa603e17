import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISessionContext, Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from './tokens';

/** What a kernel opens when a watched call has ended. */
const TARGET = 'jupyter-oscar:notice';
const SHOWN_MS = 15_000;

/** Shows a notice when a call that a cell watches has ended, and one of the browser's where that is allowed. */
export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:notices',
  description: 'Tells when an OSCAR call that a cell watches has ended.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');

    const tell = (data: ReadonlyPartialJSONObject): void => {
      const message = (data.message as string).slice(0, 300);
      const { cluster, service, id } = data;
      const actions: Notification.IAction[] = [];
      if (id !== undefined) {
        actions.push({
          label: trans.__('Open log'),
          callback: () => {
            void app.commands.execute(CommandIDs.openLog, {
              cluster,
              service,
              id
            });
          }
        });
      }
      if (permission() === 'default') {
        actions.push({
          label: trans.__('Also outside this tab'),
          caption: trans.__('Let the browser show such notices'),
          callback: () => {
            void window.Notification.requestPermission();
          }
        });
      }
      Notification.emit(
        message,
        data.state === 'done' ? 'success' : 'warning',
        {
          autoClose: SHOWN_MS,
          actions
        }
      );
      if (document.hidden && permission() === 'granted') {
        new window.Notification('OSCAR', { body: message });
      }
    };

    const listen = (context: ISessionContext): void => {
      context.session?.kernel?.registerCommTarget(TARGET, (_, opened) => {
        tell(opened.content.data);
      });
    };
    notebooks.widgetAdded.connect((_, panel) => {
      listen(panel.sessionContext);
      panel.sessionContext.kernelChanged.connect(listen);
    });
  }
};

/** Whether the browser may show notices; some have none. */
function permission(): NotificationPermission {
  return 'Notification' in window ? window.Notification.permission : 'denied';
}
