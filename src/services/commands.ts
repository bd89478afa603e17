import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, ICommandPalette, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import {
  deleteIcon,
  launchIcon,
  LabIcon,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { tellProblem } from '../errors';
import { CommandIDs, IOscarClient, IOscarModel } from '../tokens';
import { ServiceRow } from '../types';
import { destroyed } from './belongings';

/** Deleting services; starting, stopping, restarting and opening those that are exposed. */
export const servicesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:services',
  description: 'Commands on OSCAR services.',
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
    const category = trans.__('OSCAR');
    const describedBy = {
      args: {
        type: 'object',
        properties: {
          service: {
            type: 'string',
            description: trans.__('The service; otherwise the selected one')
          },
          cluster: {
            type: 'string',
            description: trans.__('The cluster; otherwise the current one')
          }
        }
      }
    };
    const target = (args: ReadonlyPartialJSONObject) => {
      const name =
        (args.service as string | undefined) ?? model.selectedService;
      const cluster = (args.cluster as string | undefined) ?? model.current;
      return name !== undefined && cluster !== undefined
        ? { name, cluster }
        : undefined;
    };
    /** The row of what is meant, as long as it is in the list that is shown. */
    const row = (args: ReadonlyPartialJSONObject): ServiceRow | undefined => {
      const meant = target(args);
      return meant?.cluster === model.current
        ? model.services.rows?.find(one => one.name === meant?.name)
        : undefined;
    };
    /** Of another cluster nothing is known here: whoever names one has looked. */
    const exposed = (args: ReadonlyPartialJSONObject): boolean => {
      const meant = target(args);
      return meant && meant.cluster !== model.current
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
        const meant = target(args);
        if (!meant) {
          return;
        }
        const { cluster, name } = meant;
        try {
          const belongings = await client.belongings(cluster, name);
          const { button } = await showDialog({
            title: trans.__('Delete %1?', name),
            body: destroyed(belongings, trans),
            buttons: [
              Dialog.cancelButton({ label: trans.__('Cancel') }),
              Dialog.warnButton({
                label: belongings.length
                  ? trans._n(
                      'Delete %2 and 1 bucket',
                      'Delete %2 and %1 buckets',
                      belongings.length,
                      name
                    )
                  : trans.__('Delete %1', name)
              })
            ],
            defaultButton: 0
          });
          if (button.accept) {
            await client.remove(cluster, name);
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
          const meant = target(args);
          if (!meant) {
            return;
          }
          try {
            await client.lifecycle(meant.cluster, meant.name, verb);
            model.services.refresh();
          } catch (reason) {
            await tellProblem(failed, reason, trans);
          }
        }
      });
      palette?.addItem({ command, category });
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
        const meant = target(args);
        if (!meant) {
          return;
        }
        try {
          const { url } = await client.service(meant.cluster, meant.name);
          // Only addresses of the web: what a server said is not run.
          if (url && /^https?:\/\//.test(url)) {
            window.open(url, '_blank', 'noopener,noreferrer');
          }
        } catch (reason) {
          await tellProblem(
            trans.__('%1 could not be opened', meant.name),
            reason,
            trans
          );
        }
      }
    });
    palette?.addItem({ command: CommandIDs.openExposed, category });
    palette?.addItem({ command: CommandIDs.deleteService, category });

    model.services.changed.connect(() => {
      commands.notifyCommandChanged();
    });
  }
};
