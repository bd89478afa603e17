import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addBelowIcon } from '@jupyterlab/ui-components';

import { insertBelow } from './cells';
import { CommandIDs, IOscarModel } from './tokens';
import { snippet } from './services/snippet';

/** A cell that calls a service, below the active one. */
export const notebookPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:notebook',
  description: 'Inserts a cell that calls an OSCAR service.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [INotebookTracker, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    if (!notebooks) {
      return; // Notebook 7 has one on its notebook page only
    }
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const { commands } = app;
    const named = (name: unknown) =>
      model.services.rows?.find(
        row => row.name === (name ?? model.selectedService)
      );

    commands.addCommand(CommandIDs.insertCell, {
      label: trans.__('Insert Cell That Calls It'),
      caption: trans.__(
        'Insert a cell below the active one that calls the service'
      ),
      icon: addBelowIcon,
      describedBy: {
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
      },
      isEnabled: args =>
        notebooks.currentWidget !== null &&
        (args.service ?? model.selectedService) !== undefined,
      execute: args => {
        const panel = notebooks.currentWidget;
        const service = named(args.service);
        const cluster = (args.cluster as string | undefined) ?? model.current;
        if (panel && service && cluster !== undefined) {
          insertBelow(panel, snippet(cluster, service));
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.insertCell,
      category: trans.__('OSCAR')
    });
    notebooks.currentChanged.connect(() => {
      commands.notifyCommandChanged(CommandIDs.insertCell);
    });
  }
};
