import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { PathExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import {
  CommandIDs,
  IOscarChannel,
  IOscarClient,
  IOscarModel
} from '../../tokens';
import { common, words } from '../../commands';
import { tellProblem } from '../../errors';
import { oscarIcon } from '../../icons';
import type { Tab } from './model';
import type { ServicePage } from './page';

/**
 * Opens a service in the main area, and the editor for a new one. What is shown
 * there is fetched when the first one is opened.
 */
export const servicePagesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:service',
  description: 'Opens OSCAR services in the main area, and deploys new ones.',
  autoStart: true,
  requires: [IOscarClient, IOscarChannel, IOscarModel, IEditorServices],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    channel: IOscarChannel,
    model: IOscarModel,
    services: IEditorServices,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, shell } = app;
    const trans = words(translator);
    const tracker = new WidgetTracker<MainAreaWidget<ServicePage>>({
      namespace: 'jupyter-oscar-service'
    });
    const options = {
      client,
      channel,
      commands,
      services,
      contents: app.serviceManager.contents,
      trans,
      open: (cluster: string, name: string) => void open({ cluster, name }),
      isSandbox: (name: string) =>
        !!model.clusters.rows?.find(row => row.name === name)?.sandbox
    };
    let made = 0;

    /** The service that is named, or the one that is selected. */
    const meant = (given: ReadonlyPartialJSONObject): Private.IArgs | null => {
      const { cluster, name, tab } = {
        cluster: model.current,
        name: given.service ?? model.selectedService,
        ...given
      } as Partial<Private.IArgs>;
      return cluster && name ? { cluster, name, tab } : null;
    };

    const open = async (
      given: ReadonlyPartialJSONObject,
      tab?: Tab
    ): Promise<MainAreaWidget<ServicePage> | undefined> => {
      const args = meant(given);
      if (!args) {
        return;
      }
      const { cluster, name } = args;
      const id = `jupyter-oscar-service:${cluster}/${name}`;
      let widget = tracker.find(one => one.id === id);
      if (!widget) {
        const { servicePage } = await import('./page');
        widget = servicePage({ ...options, cluster, name });
        widget.id = id;
        widget.title.label = name;
        widget.title.caption = trans.__(
          'OSCAR service %1 on %2',
          name,
          cluster
        );
        widget.title.icon = oscarIcon;
        const page = widget;
        page.content.model.changed.connect(() => {
          void tracker.save(page);
        });
        shell.add(widget, 'main');
        await tracker.add(widget);
      }
      widget.content.model.tab = tab ?? args.tab ?? widget.content.model.tab;
      shell.activateById(widget.id);
      return widget;
    };

    const text = (description: string) => ({ type: 'string', description });
    const { cluster, service } = common(trans);
    const named = {
      cluster: text(cluster),
      service: text(service),
      name: text(trans.__('The same as service'))
    };
    const isEnabled = (given: ReadonlyPartialJSONObject) =>
      meant(given) !== null;

    commands.addCommand(CommandIDs.openService, {
      label: trans.__('Open Service'),
      caption: trans.__('Show a service, its calls and its definition'),
      icon: oscarIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            ...named,
            tab: {
              type: 'string',
              enum: ['call', 'calls', 'log', 'definition'],
              description: trans.__('The part that is shown')
            }
          }
        }
      },
      isEnabled,
      execute: args => open(args)
    });

    commands.addCommand(CommandIDs.callService, {
      label: trans.__('Call Service'),
      caption: trans.__('Give a service an input'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            ...named,
            object: text(trans.__('Bucket and key of an object as its input'))
          }
        }
      },
      isEnabled,
      // One that is exposed is opened instead.
      isVisible: args =>
        model.services.rows?.find(({ name }) => name === meant(args)?.name)
          ?.kind !== 'exposed',
      execute: async args => {
        const widget = await open(args, 'call');
        if (widget && typeof args.object === 'string') {
          widget.content.model.offer(args.object);
        }
        return widget;
      }
    });

    commands.addCommand(CommandIDs.editService, {
      label: trans.__('Edit Service'),
      caption: trans.__('Change the definition of a service'),
      describedBy: { args: { type: 'object', properties: named } },
      isEnabled,
      execute: args => open(args, 'definition')
    });

    commands.addCommand(CommandIDs.deploy, {
      label: trans.__('Deploy Service…'),
      caption: trans.__('Write a new service, or begin with an example'),
      icon: oscarIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            cluster: named.cluster,
            path: text(
              trans.__(
                'Where an FDL file lies on the Jupyter server; its scripts are read from beside it'
              )
            ),
            fdl: text(trans.__('The text of an FDL')),
            script: text(trans.__('The text of its script')),
            scripts: {
              type: 'object',
              additionalProperties: { type: 'string' },
              description: trans.__(
                'The texts of its scripts, by the names the FDL gives them'
              )
            },
            example: {
              type: 'string',
              enum: ['grayify', 'wordcount', 'gauges'],
              description: trans.__('The example to begin with')
            }
          }
        }
      },
      isEnabled: ({ cluster }) => !!(cluster ?? model.current),
      execute: async args => {
        const cluster = (args.cluster as string | undefined) ?? model.current;
        if (!cluster) {
          return;
        }
        const { newService, startOf } = await import('./page');
        let start: Awaited<ReturnType<typeof startOf>>;
        try {
          start = await startOf(args, options.contents);
        } catch (reason) {
          void tellProblem(
            trans.__('%1 could not be read', args.path),
            reason,
            trans
          );
          return;
        }
        const widget = newService({ ...options, cluster, start });
        widget.id = `jupyter-oscar-deploy:${made++}`;
        widget.title.label =
          typeof args.path === 'string'
            ? PathExt.basename(args.path)
            : trans.__('New Service');
        widget.title.caption = trans.__('A new OSCAR service on %1', cluster);
        widget.title.icon = oscarIcon;
        // Whether the cluster is a sandbox is known while somebody looks.
        const looking = model.look();
        widget.disposed.connect(() => {
          looking.dispose();
        });
        widget.content.draft.done.connect((_, rows) => {
          model.services.refresh();
          if (rows.length === 1) {
            widget.dispose();
            void open({ cluster, name: rows[0].name }, 'call');
          }
        });
        shell.add(widget, 'main');
        shell.activateById(widget.id);
        return widget;
      }
    });

    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openService,
        args: ({ content: { model } }) => ({
          cluster: model.cluster,
          name: model.name,
          tab: model.tab
        }),
        name: widget => widget.id
      });
    }
    for (const command of [
      CommandIDs.openService,
      CommandIDs.callService,
      CommandIDs.editService,
      CommandIDs.deploy
    ]) {
      palette?.addItem({ command, category: trans.__('OSCAR') });
    }
  }
};

namespace Private {
  export interface IArgs {
    cluster: string;
    name: string;
    tab?: Tab;
  }
}
