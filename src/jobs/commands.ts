import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { refreshIcon, stopIcon } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { tellProblem } from '../errors';
import { CommandIDs, GOING, IOscarClient, IOscarModel } from '../tokens';

/** Cancelling and retrying calls. */
export const jobsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:calls',
  description: 'Commands on the calls of OSCAR services.',
  autoStart: true,
  requires: [IOscarClient, IOscarModel],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const { commands } = app;
    const describedBy = {
      args: {
        type: 'object',
        properties: {
          service: {
            type: 'string',
            description: trans.__('The service that was called')
          },
          id: {
            type: 'string',
            description: trans.__('The call; otherwise the selected one')
          },
          cluster: {
            type: 'string',
            description: trans.__('The cluster; otherwise the current one')
          }
        }
      }
    };
    const target = (args: ReadonlyPartialJSONObject) => {
      const cluster = (args.cluster as string | undefined) ?? model.current;
      const service =
        (args.service as string | undefined) ?? model.selectedCall?.service;
      const id = (args.id as string | undefined) ?? model.selectedCall?.id;
      return cluster !== undefined && service !== undefined && id !== undefined
        ? { cluster, service, id }
        : undefined;
    };
    const going = (args: ReadonlyPartialJSONObject): boolean | undefined => {
      const meant = target(args);
      const row = model.calls.rows?.find(one => one.id === meant?.id);
      return row && GOING.includes(row.state);
    };

    commands.addCommand(CommandIDs.cancelCall, {
      label: trans.__('Cancel'),
      caption: trans.__('End a call that is under way'),
      icon: stopIcon,
      describedBy,
      isEnabled: args => target(args) !== undefined && going(args) !== false,
      execute: async args => {
        const meant = target(args);
        if (!meant) {
          return;
        }
        try {
          await client.cancel(meant.cluster, meant.service, meant.id);
          model.calls.refresh();
        } catch (reason) {
          await tellProblem(
            trans.__('The call could not be cancelled'),
            reason,
            trans
          );
        }
      }
    });

    commands.addCommand(CommandIDs.retryCall, {
      label: trans.__('Retry'),
      caption: trans.__('Call a service again with the same input'),
      icon: refreshIcon,
      describedBy,
      isEnabled: args => target(args) !== undefined && going(args) !== true,
      execute: async args => {
        const meant = target(args);
        if (!meant) {
          return;
        }
        try {
          const row = await client.retry(
            meant.cluster,
            meant.service,
            meant.id
          );
          model.selectedCall = { service: row.service, id: row.id };
          model.calls.refresh();
        } catch (reason) {
          await tellProblem(
            trans.__('The call could not be retried'),
            reason,
            trans
          );
        }
      }
    });

    const category = trans.__('OSCAR');
    palette?.addItem({ command: CommandIDs.cancelCall, category });
    palette?.addItem({ command: CommandIDs.retryCall, category });
    model.calls.changed.connect(() => {
      commands.notifyCommandChanged(CommandIDs.cancelCall);
      commands.notifyCommandChanged(CommandIDs.retryCall);
    });
  }
};
