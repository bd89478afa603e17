import {
  ILabShell,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ISessionContext, Notification } from '@jupyterlab/apputils';
import { IConsoleTracker } from '@jupyterlab/console';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Kernel } from '@jupyterlab/services';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from './tokens';

/** What a kernel opens when a watched call has ended. */
const NOTICE = 'jupyter-oscar:notice';
/** What a kernel opens to have a service edited; it is answered when the editor is there. */
const EDIT = 'jupyter-oscar:edit';
const SHOWN_MS = 15_000;

/**
 * What kernels ask of the page: a notice when a call that one watches has ended,
 * and one of the browser's where that is allowed; a service's definition.
 */
export const kernelsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:kernels',
  description:
    'Tells when an OSCAR call that a kernel watches has ended, and opens what a form in a cell points to.',
  autoStart: true,
  optional: [INotebookTracker, IConsoleTracker, ILabShell, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    lab: ILabShell | null,
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

    const edit = async (
      comm: Kernel.IComm,
      { cluster, service }: ReadonlyPartialJSONObject
    ): Promise<void> => {
      // Elsewhere there is no place beside the notebook, and the kernel says where else to go.
      if (lab && app.commands.hasCommand(CommandIDs.editService)) {
        await app.commands.execute(CommandIDs.editService, {
          cluster,
          name: service
        });
        comm.send({ opened: true });
      }
      comm.close();
    };

    const listen = ({ session }: ISessionContext): void => {
      session?.kernel?.registerCommTarget(NOTICE, (_, { content }) => {
        tell(content.data);
      });
      session?.kernel?.registerCommTarget(EDIT, (comm, { content }) =>
        edit(comm, content.data)
      );
    };
    const watch = (context: ISessionContext): void => {
      listen(context);
      context.kernelChanged.connect(listen);
    };
    notebooks?.widgetAdded.connect((_, panel) => {
      watch(panel.sessionContext);
    });
    consoles?.widgetAdded.connect((_, panel) => {
      watch(panel.sessionContext);
    });
  }
};

/** Whether the browser may show notices; some have none. */
function permission(): NotificationPermission {
  return 'Notification' in window ? window.Notification.permission : 'denied';
}
