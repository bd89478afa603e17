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
import { tableRowsIcon } from '@jupyterlab/ui-components';

import { described, words } from '../commands';
import { IOscarChannel, IOscarClient, IOscarModel } from '../tokens';
import type { FolderView } from './table';
import { BucketCommandIDs, IOscarDrives } from './tokens';

/** Opens folders of buckets as tables in the main area; what is shown there is fetched when the first is opened. */
export const foldersPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:folders',
  description: 'Opens folders of buckets as tables.',
  autoStart: true,
  requires: [IOscarClient, IOscarModel, IOscarDrives, IOscarChannel],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    drives: IOscarDrives,
    channel: IOscarChannel,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands, shell } = app;
    const trans = words(translator);
    const tracker = new WidgetTracker<MainAreaWidget<FolderView>>({
      namespace: 'jupyter-oscar-folder'
    });
    let made = 0;

    const make = async (
      cluster: string,
      path: string
    ): Promise<MainAreaWidget<FolderView>> => {
      const [{ FolderView }, storage] = await Promise.all([
        import('./table'),
        client.storage()
      ]);
      const content = new FolderView({
        cluster,
        path,
        commands,
        drives,
        storage,
        trans,
        subscribe: (topic, tell) =>
          channel.subscribe(topic, ({ data }) => {
            if (data !== undefined) {
              tell(data);
            }
          })
      });
      const widget = new MainAreaWidget({ content });
      const name = (): void => {
        const folder = content.path.split('/').pop();
        widget.title.label = folder ? folder : trans.__('Buckets');
        widget.title.caption = trans.__(
          'Objects: %1',
          [cluster, content.path].filter(Boolean).join('/')
        );
      };
      widget.id = `jupyter-oscar-folder-${(made += 1)}`;
      widget.title.icon = tableRowsIcon;
      // Core keeps something of each button of a toolbar for good.
      widget.toolbar.hide();
      name();
      content.moved.connect(() => {
        name();
        void tracker.save(widget);
      });
      return widget;
    };

    commands.addCommand(BucketCommandIDs.openFolder, {
      label: trans.__('Show Objects as a Table'),
      caption: trans.__('A folder of a bucket, however many objects are in it'),
      icon: tableRowsIcon,
      describedBy: described({
        path: trans.__('Bucket and folder; otherwise the list of buckets'),
        cluster: trans.__('The cluster; otherwise the current one')
      }),
      isEnabled: args => (args.cluster ?? model.current) !== undefined,
      execute: async args => {
        const cluster = (args.cluster as string | null) ?? model.current;
        const path = typeof args.path === 'string' ? args.path : '';
        if (cluster === undefined) {
          return;
        }
        const widget =
          tracker.find(
            ({ content }) =>
              content.options.cluster === cluster && content.path === path
          ) ?? (await make(cluster, path));
        if (!widget.isAttached) {
          await tracker.add(widget);
          shell.add(widget, 'main');
        }
        shell.activateById(widget.id);
        return widget;
      }
    });
    palette?.addItem({
      command: BucketCommandIDs.openFolder,
      category: trans.__('OSCAR')
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: BucketCommandIDs.openFolder,
        name: ({ content }) => `${content.options.cluster}:${content.path}`,
        args: ({ content }) => ({
          cluster: content.options.cluster,
          path: content.path
        })
      });
    }
  }
};
