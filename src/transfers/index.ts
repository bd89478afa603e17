import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { downloadIcon, fileUploadIcon } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { asFolder } from '../buckets/paths';
import { IBucketActions, IOscarDrives } from '../buckets/tokens';
import { oscarIcon } from '../icons';
import { IOscarClient, IOscarModel } from '../tokens';
import { choosesFolders } from './chosen';
import type { Kept } from './kept';
import type { TransferPanel } from './panel';
import { ITarget, TransferCommands } from './tokens';

export const transfersPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:transfers',
  description:
    'Sends files into buckets, in parts that outlive the page, and saves objects.',
  autoStart: true,
  requires: [IOscarClient, IOscarModel, IBucketActions, IOscarDrives],
  optional: [IFileBrowserFactory, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    actions: IBucketActions,
    drives: IOscarDrives,
    browsers: IFileBrowserFactory | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const { commands } = app;
    const { baseUrl } = app.serviceManager.serverSettings;
    let opening: Promise<Kept> | undefined;
    const keeping = (): Promise<Kept> =>
      (opening ??= import('./kept').then(({ Kept }) => new Kept(baseUrl)));
    let loading: Promise<TransferPanel> | undefined;
    const panel = (): Promise<TransferPanel> => {
      loading ??= import('./panel').then(async ({ TransferPanel }) => {
        const [storage, kept] = [await client.storage(), await keeping()];
        const made = new TransferPanel(app, model, storage, kept, trans);
        await made.transfers.restored;
        return made;
      });
      return loading;
    };

    if (browsers) {
      void app.restored.then(async () => {
        const { takeDrops } = await import('./dropped');
        takeDrops(browsers, drives, (target, given) => {
          void panel().then(({ uploader }) => uploader.send(target, given));
        });
      });
    }

    const place = async (
      args: ReadonlyPartialJSONObject
    ): Promise<ITarget | undefined> => {
      const cluster =
        typeof args.cluster === 'string' ? args.cluster : model.current;
      let path = typeof args.path === 'string' ? args.path : undefined;
      if (path === undefined) {
        const { value } = await InputDialog.getText({
          title: trans.__('Upload to which bucket?'),
          label: trans.__('Bucket, or bucket and folder'),
          placeholder: trans.__('bucket/folder/')
        });
        path = value ?? undefined;
      }
      const [, bucket, folder] =
        /^(?:s3:\/\/)?([^/]+)\/?(.*)$/.exec(path?.trim() ?? '') ?? [];
      if (!bucket || cluster === undefined) {
        return undefined;
      }
      const prefix = folder && !folder.endsWith('/') ? `${folder}/` : folder;
      return { cluster, bucket, prefix };
    };

    commands.addCommand(TransferCommands.upload, {
      label: ({ folder }) =>
        folder
          ? trans.__('Upload a Folder to a Bucket…')
          : trans.__('Upload Files to a Bucket…'),
      caption: trans.__('In parts that go on after the page was left'),
      icon: fileUploadIcon,
      isEnabled: ({ cluster }) =>
        cluster !== undefined || model.current !== undefined,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('Bucket and folder; otherwise asked for')
            },
            folder: {
              type: 'boolean',
              description: trans.__('Whether a folder is chosen')
            },
            cluster: {
              type: 'string',
              description: trans.__('The cluster; otherwise the current one')
            }
          }
        }
      },
      execute: async args => {
        const target = await place(args);
        if (target) {
          await (await panel()).uploader.choose(target, args.folder === true);
        }
      }
    });

    commands.addCommand(TransferCommands.show, {
      label: trans.__('Show Transfers'),
      caption: trans.__('Files on their way into buckets and out of them'),
      icon: oscarIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        (await panel()).show();
      }
    });
    const folder = (args: ReadonlyPartialJSONObject): ITarget | undefined => {
      const one = actions.meant(args);
      return one?.place && one.isFolder
        ? {
            cluster: one.cluster,
            bucket: one.place.bucket,
            prefix: asFolder(one.place).key
          }
        : undefined;
    };
    /** Objects and folders ("a/") of one folder; one folder alone only where it need not be a ZIP file. */
    const saved = (args: ReadonlyPartialJSONObject) => {
      const places = actions.all(args).map(({ isFolder, place }) => ({
        bucket: place?.bucket ?? '',
        key: place?.key && isFolder ? `${place.key}/` : (place?.key ?? '')
      }));
      const keys = places.map(({ key }) => key);
      const isFolder = keys.length === 1 && keys[0].endsWith('/');
      if (
        !keys.length ||
        keys.includes('') ||
        (isFolder && !choosesFolders())
      ) {
        return undefined;
      }
      const cluster = actions.meant(args)?.cluster ?? '';
      const prefix = keys[0].replace(/[^/]*\/?$/, '');
      return { keys, target: { cluster, bucket: places[0].bucket, prefix } };
    };
    actions.add(
      TransferCommands.download,
      trans.__('Save to My Computer…'),
      trans.__('Straight from the storage, where it lets this page'),
      downloadIcon,
      saved,
      async ({ keys, target }) => {
        const { downloader } = await panel();
        await (keys.length > 1 || keys[0].endsWith('/')
          ? downloader.saveAll(target, keys)
          : downloader.save(target, keys[0]));
      },
      trans.__('It was not saved'),
      { hides: true }
    );
    actions.add(
      TransferCommands.saveFolder,
      trans.__('Download as ZIP'),
      trans.__('Save a folder of a bucket as one file'),
      downloadIcon,
      folder,
      async target => {
        (await panel()).downloader.saveFolder(target);
      },
      trans.__('The folder was not saved')
    );
    actions.add(
      TransferCommands.unfinished,
      trans.__('Unfinished Uploads…'),
      trans.__('What was begun in a bucket or folder and never ended'),
      undefined,
      folder,
      async target => (await panel()).unfinished(target),
      trans.__('It cannot be told what is unfinished')
    );

    for (const folder of [false, true]) {
      palette?.addItem({
        command: TransferCommands.upload,
        category: trans.__('OSCAR'),
        args: { folder }
      });
    }
    palette?.addItem({
      command: TransferCommands.show,
      category: trans.__('OSCAR')
    });

    void app.restored.then(async () => {
      // What was left unfinished is shown, not only kept. A browser may keep nothing.
      if (
        await keeping()
          .then(kept => kept.some())
          .catch(() => false)
      ) {
        const found = await panel();
        if (found.transfers.rows.length > 0) {
          found.show();
        }
      }
    });
  }
};
