import {
  deleteIcon,
  launchIcon,
  LabIcon,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { commandsPlugin, common, described, meant } from '../commands';
import { tellProblem } from '../errors';
import { CommandIDs } from '../tokens';
import { ServiceRow } from '../types';

/** Deleting services; starting, stopping, restarting and opening those that are exposed. */
export const servicesPlugin = commandsPlugin(
  'jupyter-oscar:services',
  'Commands on OSCAR services.',
  ({ commands, client, model, trans }) => {
    const describedBy = described(common(trans));
    const target = (args: ReadonlyPartialJSONObject) =>
      meant(args, model, model.selectedService);
    /** The row of what is meant, as long as it is in the list that is shown. */
    const row = (args: ReadonlyPartialJSONObject): ServiceRow | undefined => {
      const one = target(args);
      return one?.cluster === model.current
        ? model.services.rows?.find(({ name }) => name === one?.service)
        : undefined;
    };
    /** Of another cluster nothing is known here: whoever names one has looked. */
    const exposed = (args: ReadonlyPartialJSONObject): boolean => {
      const one = target(args);
      return one && one.cluster !== model.current
        ? true
        : row(args)?.kind === 'exposed';
    };
    const is = (args: ReadonlyPartialJSONObject, stopped: boolean): boolean =>
      exposed(args) && (row(args)?.state === 'stopped') === stopped;

    commands.addCommand(CommandIDs.deleteService, {
      label: trans.__('Delete…'),
      caption: trans.__(
        'Delete a service with its buckets and what is in them'
      ),
      icon: deleteIcon,
      describedBy,
      isEnabled: args => target(args) !== undefined,
      execute: async args => {
        const one = target(args);
        if (!one) {
          return;
        }
        const { cluster, service: name } = one;
        try {
          const belongings = await client.belongings(cluster, name);
          const { deleteDialog } = await import('./belongings');
          const asked = { client, cluster, name, belongings, trans };
          if (await deleteDialog(asked)) {
            model.services.refresh();
          }
        } catch (reason) {
          await tellProblem(
            trans.__('%1 could not be deleted', name),
            reason,
            trans
          );
        }
      }
    });

    const lifecycle = (
      command: string,
      verb: 'start' | 'stop' | 'restart',
      label: string,
      caption: string,
      icon: LabIcon,
      failed: string
    ): void => {
      commands.addCommand(command, {
        label,
        caption,
        icon,
        describedBy,
        isEnabled: args =>
          verb === 'restart' ? exposed(args) : is(args, verb === 'start'),
        isVisible: exposed,
        execute: async args => {
          const one = target(args);
          if (!one) {
            return;
          }
          try {
            await client.lifecycle(one.cluster, one.service, verb);
            model.services.refresh();
          } catch (reason) {
            await tellProblem(failed, reason, trans);
          }
        }
      });
    };
    lifecycle(
      CommandIDs.startService,
      'start',
      trans.__('Start'),
      trans.__('Start an exposed service'),
      runIcon,
      trans.__('The service could not be started')
    );
    lifecycle(
      CommandIDs.stopService,
      'stop',
      trans.__('Stop'),
      trans.__('Stop an exposed service'),
      stopIcon,
      trans.__('The service could not be stopped')
    );
    lifecycle(
      CommandIDs.restartService,
      'restart',
      trans.__('Restart'),
      trans.__('Restart an exposed service'),
      refreshIcon,
      trans.__('The service could not be restarted')
    );

    commands.addCommand(CommandIDs.openExposed, {
      label: trans.__('Open in a New Browser Tab'),
      caption: trans.__('Open an exposed service in a new browser tab'),
      icon: launchIcon,
      describedBy,
      isEnabled: exposed,
      isVisible: exposed,
      execute: async args => {
        const one = target(args);
        if (!one) {
          return;
        }
        try {
          const url = await client.address(one.cluster, one.service);
          // Only addresses of the web: what a server said is not run.
          if (/^https?:\/\//.test(url)) {
            window.open(url, '_blank', 'noopener,noreferrer');
          }
        } catch (reason) {
          await tellProblem(
            trans.__('%1 could not be opened', one.service),
            reason,
            trans
          );
        }
      }
    });
    model.services.changed.connect(() => {
      commands.notifyCommandChanged();
    });
    return [
      CommandIDs.startService,
      CommandIDs.stopService,
      CommandIDs.restartService,
      CommandIDs.openExposed,
      CommandIDs.deleteService
    ];
  }
);
