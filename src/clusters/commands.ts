import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import {
  addIcon,
  refreshIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { commandsPlugin, common, described } from '../commands';
import { tellProblem } from '../errors';
import { CommandIDs, IOscarModel } from '../tokens';
import { ClusterRow } from '../types';

/** Choosing, adding, signing in to and forgetting clusters; starting and stopping the sandbox. */
export const clustersPlugin = commandsPlugin(
  'jupyter-oscar:clusters',
  'Commands on OSCAR clusters and the sandbox.',
  ({ commands, client, model, trans }) => {
    const find = (args: ReadonlyPartialJSONObject): ClusterRow | undefined => {
      const name = args.cluster ?? model.current;
      return model.clusters.rows?.find(row => row.name === name);
    };
    const one = described({ cluster: common(trans).cluster });
    const none = described({});
    const device = {
      signInOnDevice: client.signInOnDevice.bind(client),
      get mayName() {
        return model.health?.capabilities.user_clusters ?? true;
      }
    };
    const sandbox = (): ClusterRow | undefined =>
      model.clusters.rows?.find(
        row => row.sandbox !== null && row.state === 'ok'
      );

    commands.addCommand(CommandIDs.selectCluster, {
      label: args => {
        const row = find(args);
        return typeof args.cluster === 'string' && row
          ? row.name
          : trans.__('Next Cluster');
      },
      caption: trans.__('Show another OSCAR cluster'),
      isToggleable: true,
      isToggled: args => args.cluster === model.current,
      describedBy: one,
      execute: args => {
        const rows = model.clusters.rows ?? [];
        const here = rows.findIndex(row => row.name === model.current);
        const next = rows.at((here + 1) % Math.max(1, rows.length));
        const name = args.cluster ?? next?.name;
        if (typeof name === 'string') {
          model.current = name;
        }
      }
    });

    commands.addCommand(CommandIDs.addCluster, {
      label: trans.__('Connect to an OSCAR…'),
      caption: trans.__('Connect to a cluster by its address'),
      icon: addIcon,
      describedBy: none,
      isEnabled: () => model.health?.capabilities.user_clusters ?? true,
      execute: async () => {
        const { ConnectDialog } = await import('./dialog');
        const dialog = new ConnectDialog({
          trans,
          submit: said => client.addCluster(said),
          ...device
        });
        await dialog.launch();
        if (dialog.row) {
          model.clusters.refresh();
          model.current = dialog.row.name;
        }
      }
    });

    commands.addCommand(CommandIDs.signIn, {
      label: trans.__('Sign In…'),
      caption: trans.__('Sign in to a known cluster'),
      describedBy: one,
      isEnabled: args => find(args) !== undefined,
      execute: async args => {
        const row = find(args);
        if (!row) {
          return;
        }
        const { ConnectDialog } = await import('./dialog');
        const dialog = new ConnectDialog({
          trans,
          row,
          submit: ({ user, password, token_file }) =>
            client.signIn(row.name, { user, password, token_file }),
          ...device
        });
        await dialog.launch();
        if (dialog.row) {
          Private.refresh(model);
        }
      }
    });

    commands.addCommand(CommandIDs.confirmStorage, {
      label: trans.__('Use the Storage It Names'),
      caption: trans.__(
        'Let your keys and files go to the storage that a cluster names on another host'
      ),
      describedBy: one,
      isEnabled: args => Boolean(find(args)?.storage_to_confirm),
      execute: async args => {
        const row = find(args);
        if (!row?.storage_to_confirm) {
          return;
        }
        try {
          await client.confirmStorage(row.name, row.storage_to_confirm);
        } catch (reason) {
          await tellProblem(
            trans.__('The storage of %1 is not used', row.name),
            reason,
            trans
          );
        }
        Private.refresh(model);
      }
    });

    commands.addCommand(CommandIDs.diagnose, {
      label: trans.__('Diagnose…'),
      caption: trans.__('Find out why a cluster does not answer'),
      describedBy: one,
      isEnabled: args => find(args) !== undefined,
      execute: async args => {
        const row = find(args);
        if (row) {
          const { DiagnosisDialog } = await import('./diagnosis');
          await new DiagnosisDialog({ client, row, trans }).launch();
        }
      }
    });

    commands.addCommand(CommandIDs.forgetCluster, {
      label: trans.__('Forget…'),
      caption: trans.__('Forget a sign-in; the cluster stays as it is'),
      describedBy: one,
      isEnabled: args => find(args)?.removable ?? false,
      execute: async args => {
        const row = find(args);
        if (!row) {
          return;
        }
        const { button } = await showDialog({
          title: trans.__('Forget %1?', row.name),
          body: trans.__(
            'Its address and your sign-in are forgotten on this server. The cluster stays as it is.'
          ),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Forget %1', row.name) })
          ],
          defaultButton: 0
        });
        if (button.accept) {
          try {
            await client.forget(row.name);
            model.clusters.refresh();
          } catch (reason) {
            await tellProblem(
              trans.__('%1 could not be forgotten', row.name),
              reason,
              trans
            );
          }
        }
      }
    });

    commands.addCommand(CommandIDs.startSandbox, {
      label: trans.__('Start a Local OSCAR'),
      caption: trans.__('Start the sandbox: an OSCAR on this machine'),
      icon: runIcon,
      describedBy: none,
      isEnabled: () =>
        (model.health?.capabilities.sandbox ?? true) && !sandbox(),
      execute: async () => {
        const starting = client.startSandbox();
        Notification.promise(starting as Promise<never>, {
          pending: {
            message: trans.__('Starting a local OSCAR…'),
            options: { autoClose: false }
          },
          success: {
            message: () => trans.__('A local OSCAR runs.'),
            options: { autoClose: 3000 }
          },
          error: {
            message: reason =>
              reason instanceof Error ? reason.message : String(reason),
            options: { autoClose: false }
          }
        });
        const state = await starting.catch(() => undefined);
        if (state?.running) {
          Private.refresh(model);
          Private.pick(model, state.endpoint);
        }
      }
    });

    commands.addCommand(CommandIDs.stopSandbox, {
      label: trans.__('Stop the Local OSCAR…'),
      caption: trans.__('Stop the sandbox; its data stays'),
      icon: stopIcon,
      describedBy: none,
      isEnabled: () =>
        (model.health?.capabilities.sandbox ?? true) && sandbox() !== undefined,
      execute: async () => {
        const { button } = await showDialog({
          title: trans.__('Stop the local OSCAR?'),
          body: trans.__(
            'Calls that run are ended. Its services and data are there again when it is started.'
          ),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Stop the Local OSCAR') })
          ],
          defaultButton: 0
        });
        if (button.accept) {
          try {
            await client.stopSandbox();
            model.clusters.refresh();
          } catch (reason) {
            await tellProblem(
              trans.__('The local OSCAR could not be stopped'),
              reason,
              trans
            );
          }
        }
      }
    });

    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh'),
      caption: trans.__('Look at clusters, services and calls now'),
      icon: refreshIcon,
      describedBy: none,
      execute: async () => {
        if (model.healthProblem) {
          await model.retry();
        }
        Private.refresh(model);
      }
    });

    model.changed.connect(() => {
      commands.notifyCommandChanged();
    });
    return [
      CommandIDs.addCluster,
      CommandIDs.signIn,
      CommandIDs.forgetCluster,
      CommandIDs.selectCluster,
      CommandIDs.confirmStorage,
      CommandIDs.diagnose,
      CommandIDs.startSandbox,
      CommandIDs.stopSandbox,
      CommandIDs.refresh
    ];
  }
);

namespace Private {
  export function refresh(model: IOscarModel): void {
    model.clusters.refresh();
    model.services.refresh();
    model.calls.refresh();
  }

  /** Show the cluster of an address once it is in the list. */
  export function pick(model: IOscarModel, endpoint: string | null): void {
    const choose = (): boolean => {
      const row = model.clusters.rows?.find(one => one.endpoint === endpoint);
      if (row) {
        model.current = row.name;
      }
      return row !== undefined;
    };
    if (!choose()) {
      const onChanged = (): void => {
        if (choose()) {
          model.clusters.changed.disconnect(onChanged);
        }
      };
      model.clusters.changed.connect(onChanged);
    }
  }
}
