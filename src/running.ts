import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRunningSessionManagers, IRunningSessions } from '@jupyterlab/running';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { oscarIcon } from './icons';
import { CommandIDs, GOING, IOscarModel } from './tokens';
import { CallRow } from './types';

/** The calls under way beside kernels and terminals; shutting one down cancels it. */
export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:running',
  description: 'Shows running OSCAR calls among the running sessions.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    managers: IRunningSessionManagers | null,
    translator: ITranslator | null
  ) => {
    if (!managers) {
      return; // some of Notebook 7's pages have none
    }
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const runningChanged = new Signal<object, void>({});
    const going = (): CallRow[] =>
      model.calls.rows?.filter(row => GOING.includes(row.state)) ?? [];
    const cancel = (row: CallRow): void => {
      void app.commands.execute(CommandIDs.cancelCall, {
        service: row.service,
        id: row.id
      });
    };
    const item = (row: CallRow): IRunningSessions.IRunningItem => ({
      icon: () => oscarIcon,
      label: () => trans.__('%1: %2', row.service, row.name || row.id),
      labelTitle: () => row.id,
      open: () => {
        if (app.commands.hasCommand(CommandIDs.openLog)) {
          void app.commands.execute(CommandIDs.openLog, {
            service: row.service,
            id: row.id
          });
        }
      },
      shutdown: () => {
        cancel(row);
      }
    });
    model.calls.changed.connect(() => {
      runningChanged.emit();
    });
    managers.add({
      name: trans.__('OSCAR Calls'),
      running: () => going().map(item),
      shutdownAll: () => {
        going().forEach(cancel);
      },
      refreshRunning: () => {
        model.calls.refresh();
      },
      runningChanged,
      shutdownLabel: trans.__('Cancel'),
      shutdownAllLabel: trans.__('Cancel All'),
      shutdownAllConfirmationText: trans.__(
        'Are you sure you want to cancel all running OSCAR calls?'
      )
    });
  }
};
