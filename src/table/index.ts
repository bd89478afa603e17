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
import { ITranslator } from '@jupyterlab/translation';

import { words } from '../commands';
import { oscarIcon } from '../icons';
import { CommandIDs, IOscarModel } from '../tokens';
import type { TableView } from './view';

/** Opens services and calls as tables in the main area; what is shown there is fetched when the first is opened. */
export const tablePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:table',
  description: 'Opens OSCAR services and calls as tables.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, shell } = app;
    const trans = words(translator);
    const tracker = new WidgetTracker<MainAreaWidget<TableView>>({
      namespace: 'jupyter-oscar-table'
    });
    const kinds = {
      services: {
        title: trans.__('Services'),
        sort: { column: 'name', descending: false }
      },
      calls: {
        title: trans.__('Calls'),
        sort: { column: 'started', descending: true }
      }
    };

    const make = async (
      kind: TableView.Kind
    ): Promise<MainAreaWidget<TableView>> => {
      const { TableView } = await import('./view');
      const { sort, title } = kinds[kind];
      const content = new TableView({ kind, sort, commands, model, trans });
      const widget = new MainAreaWidget({ content });
      widget.id = `jupyter-oscar-table:${kind}`;
      widget.title.label = title;
      widget.title.caption = trans.__('OSCAR: %1', title);
      widget.title.icon = oscarIcon;
      // Core keeps something of each button of a toolbar for good.
      widget.toolbar.hide();
      content.changed.connect(() => {
        void tracker.save(widget);
      });
      return widget;
    };

    commands.addCommand(CommandIDs.openTable, {
      label: ({ kind }) =>
        kind === 'calls'
          ? trans.__('Show Calls as a Table')
          : trans.__('Show Services as a Table'),
      caption: ({ kind }) =>
        kind === 'calls'
          ? trans.__('The calls of the last day with all columns')
          : trans.__('Every service of the cluster with all columns'),
      icon: oscarIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            kind: {
              type: 'string',
              enum: ['services', 'calls'],
              description: trans.__('What is shown; otherwise services')
            },
            column: {
              type: 'string',
              description: trans.__('The column that it is sorted by')
            },
            descending: {
              type: 'boolean',
              description: trans.__('Whether the largest stands first')
            },
            filter: {
              type: 'string',
              description: trans.__('Only rows with this text')
            }
          }
        }
      },
      execute: async args => {
        const { column, descending, filter } = args;
        const kind = args.kind === 'calls' ? 'calls' : 'services';
        const id = `jupyter-oscar-table:${kind}`;
        let widget = tracker.find(one => one.id === id);
        if (!widget) {
          widget = await make(kind);
          await tracker.add(widget);
          shell.add(widget, 'main');
        }
        const { content } = widget;
        if (typeof column === 'string') {
          content.sort = { column, descending: descending === true };
        }
        if (typeof filter === 'string') {
          content.filter.show();
          content.filter.type(filter);
        }
        shell.activateById(id);
        return widget;
      }
    });
    for (const kind of ['services', 'calls']) {
      palette?.addItem({
        command: CommandIDs.openTable,
        category: trans.__('OSCAR'),
        args: { kind }
      });
    }

    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openTable,
        name: widget => widget.id,
        args: ({ content }) => ({ kind: content.kind, ...content.sort })
      });
    }
  }
};
