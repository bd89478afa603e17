import { refreshIcon, stopIcon } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { commandsPlugin, common, described, meant } from '../commands';
import { tellProblem } from '../errors';
import { CommandIDs, GOING } from '../tokens';

/** Cancelling and retrying calls. */
export const jobsPlugin = commandsPlugin(
  'jupyter-oscar:calls',
  'Commands on the calls of OSCAR services.',
  ({ commands, client, model, trans }) => {
    const describedBy = described({
      ...common(trans),
      service: trans.__('The service that was called'),
      id: trans.__('The call; otherwise the selected one')
    });
    const target = (args: ReadonlyPartialJSONObject) => {
      const one = meant(args, model, model.selectedCall?.service);
      const id = (args.id as string | undefined) ?? model.selectedCall?.id;
      return one && id !== undefined ? { ...one, id } : undefined;
    };
    const going = (args: ReadonlyPartialJSONObject): boolean | undefined => {
      const call = target(args);
      const row = model.calls.rows?.find(one => one.id === call?.id);
      return row && GOING.includes(row.state);
    };

    commands.addCommand(CommandIDs.cancelCall, {
      label: trans.__('Cancel'),
      caption: trans.__('End a call that is under way'),
      icon: stopIcon,
      describedBy,
      isEnabled: args => target(args) !== undefined && going(args) !== false,
      execute: async args => {
        const call = target(args);
        if (!call) {
          return;
        }
        try {
          await client.cancel(call.cluster, call.service, call.id);
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
        const call = target(args);
        if (!call) {
          return;
        }
        try {
          const row = await client.retry(call.cluster, call.service, call.id);
          model.select({ service: row.service, id: row.id });
          model.calls.refresh();
          return row;
        } catch (reason) {
          await tellProblem(
            trans.__('The call could not be retried'),
            reason,
            trans
          );
        }
      }
    });

    model.calls.changed.connect(() => {
      commands.notifyCommandChanged(CommandIDs.cancelCall);
      commands.notifyCommandChanged(CommandIDs.retryCall);
    });
    return [CommandIDs.cancelCall, CommandIDs.retryCall];
  }
);
