import { MenuSvg } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';

import { CommandIDs, IOscarModel } from '../tokens';

/** The menu of the cluster line: other clusters, and what can be done with this one. */
export function openClusterMenu(
  anchor: HTMLElement,
  options: { commands: CommandRegistry; model: IOscarModel }
): void {
  const { commands, model } = options;
  const menu = new MenuSvg({ commands });
  const cluster = model.current ?? '';
  for (const row of model.clusters.rows ?? []) {
    menu.addItem({
      command: CommandIDs.selectCluster,
      args: { cluster: row.name }
    });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.addCluster });
  menu.addItem({ command: CommandIDs.signIn, args: { cluster } });
  menu.addItem({ command: CommandIDs.diagnose, args: { cluster } });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.startSandbox });
  menu.addItem({ command: CommandIDs.stopSandbox });
  menu.addItem({ command: CommandIDs.forgetCluster, args: { cluster } });
  menu.aboutToClose.connect(() => {
    // The command runs after the menu has closed.
    window.setTimeout(() => {
      menu.dispose();
      if (document.activeElement === document.body) {
        anchor.focus();
      }
    });
  });
  const { left, bottom } = anchor.getBoundingClientRect();
  menu.open(left, bottom);
}
