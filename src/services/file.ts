import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator } from '@jupyterlab/translation';

import { common, described, words } from '../commands';
import { oscarIcon } from '../icons';
import { CommandIDs, IOscarModel, isFdl } from '../tokens';

/** Deploys an FDL file from where files are: the file browser. */
export const deployFilePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:deploy-file',
  description: 'Deploys FDL files of the file browser to OSCAR.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [IFileBrowserFactory, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    browsers: IFileBrowserFactory | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = words(translator);
    const { commands, shell } = app;
    /** The one file that is selected, if it may be an FDL. */
    const selected = (): string | undefined => {
      const browser = browsers?.tracker.currentWidget;
      const items = browser ? [...browser.selectedItems()] : [];
      return items.length === 1 &&
        items[0].type !== 'directory' &&
        isFdl(items[0].path)
        ? items[0].path
        : undefined;
    };
    const isEnabled = (args: { path?: unknown }) =>
      typeof args.path === 'string' || selected() !== undefined;

    commands.addCommand(CommandIDs.deployFile, {
      label: trans.__('Deploy to OSCAR…'),
      caption: trans.__(
        'Review and deploy the services of an FDL file, with the scripts beside it'
      ),
      icon: oscarIcon,
      describedBy: described({
        path: trans.__(
          'Where the FDL file lies on the Jupyter server; otherwise the file selected in the file browser'
        ),
        cluster: common(trans).cluster
      }),
      isEnabled,
      isVisible: isEnabled,
      execute: async args => {
        const path = (args.path as string | undefined) ?? selected();
        const cluster =
          (args.cluster as string | undefined) ?? (await Private.known(model));
        if (cluster === undefined) {
          // It says what there is instead of a cluster, and the next step.
          shell.activateById('jupyter-oscar-sidebar');
          return;
        }
        await commands.execute(CommandIDs.deploy, { path, cluster });
      }
    });
    palette?.addItem({
      command: CommandIDs.deployFile,
      category: trans.__('OSCAR')
    });
  }
};

namespace Private {
  /** The current cluster, once it is known which there are. */
  export async function known(model: IOscarModel): Promise<string | undefined> {
    const looking = model.look();
    const over = (): boolean =>
      (model.clusters.rows ?? model.clusters.problem ?? model.healthProblem) !==
      undefined;
    if (!over()) {
      await new Promise<void>(resolve => {
        const onChanged = (): void => {
          if (over()) {
            model.changed.disconnect(onChanged);
            resolve();
          }
        };
        model.changed.connect(onChanged);
      });
    }
    looking.dispose();
    return model.current;
  }
}
