import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import {
  IDefaultFileBrowser,
  IFileBrowserFactory
} from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';
import {
  deleteIcon,
  downloadIcon,
  fileUploadIcon,
  newFolderIcon
} from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { described, words } from '../commands';
import { tellProblem } from '../errors';
import { bucketIcon } from '../icons';
import { IOscarClient, IOscarModel } from '../tokens';
import { TransferCommands } from '../transfers/tokens';
import { trimMenu } from './menu';
import { IBucketActions, BucketCommandIDs, IOscarDrives } from './tokens';
import type { IMeant } from './actions';

/** What can be done with buckets and objects, in file browsers, tables and by name. */
export const bucketsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:buckets',
  description: 'Commands on buckets and the objects in them.',
  autoStart: true,
  requires: [
    IOscarClient,
    IOscarModel,
    IOscarDrives,
    IBucketActions,
    IFileBrowserFactory
  ],
  optional: [
    INotebookTracker,
    IDefaultFileBrowser,
    ITranslator,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    drives: IOscarDrives,
    actions: IBucketActions,
    browsers: IFileBrowserFactory,
    notebooks: INotebookTracker | null,
    files: IDefaultFileBrowser | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const { contents, serverSettings } = app.serviceManager;
    const trans = words(translator);
    const transfer = async (
      paths: readonly string[],
      folder: string
    ): Promise<void> => {
      const { Transfers } = await import('./transfer');
      const storage = await client.storage();
      const all = { contents, serverSettings, drives, storage, trans };
      await new Transfers(all).copy(paths, folder);
    };
    const copy = (paths: readonly string[], folder: string): void => {
      transfer(paths, folder).catch((reason: unknown) => {
        void tellProblem(trans.__('Not everything was copied'), reason, trans);
      });
    };
    void app.restored.then(async () => {
      const { dragBetween } = await import('./dropping');
      dragBetween(browsers, contents, drives, copy);
    });
    trimMenu(app);

    const { add, bucket, meant, selected } = actions;
    const here = (args: ReadonlyPartialJSONObject): IMeant | undefined =>
      meant(args) ??
      (model.current === undefined
        ? undefined
        : {
            cluster: model.current,
            path: '',
            place: undefined,
            isFolder: true
          });

    add(
      BucketCommandIDs.newBucket,
      trans.__('New Bucket…'),
      trans.__('Make a bucket'),
      bucketIcon,
      here,
      async ({ cluster }) => {
        const { bucketDialog } = await import('./dialogs/bucket');
        const storage = await client.storage();
        const made = await bucketDialog({ cluster, storage, trans });
        if (made) {
          drives.drive(cluster).announce(made.name);
        }
      },
      trans.__('The bucket could not be made')
    );
    add(
      BucketCommandIDs.newFolder,
      trans.__('New Bucket or Folder'),
      trans.__('Make a folder, or where buckets are listed a bucket'),
      newFolderIcon,
      here,
      ({ cluster, place }, args) => {
        const drive = drives.drive(cluster);
        const browser = browsers.tracker.find(
          one => one.model.driveName === drive.name
        );
        return place && browser
          ? browser.createNewDirectory()
          : commands.execute(BucketCommandIDs.newBucket, args);
      },
      trans.__('The folder could not be made')
    );
    add(
      BucketCommandIDs.shareBucket,
      trans.__('Sharing and Usage…'),
      trans.__('Who sees a bucket, and how much is in it'),
      bucketIcon,
      bucket,
      async ({ cluster, name }) => {
        const { bucketDialog } = await import('./dialogs/bucket');
        const storage = await client.storage();
        const row = await storage.bucket(cluster, name);
        await bucketDialog({ cluster, storage, trans, row });
      },
      trans.__('The bucket could not be read')
    );
    add(
      BucketCommandIDs.deleteBucket,
      trans.__('Delete Bucket…'),
      trans.__('Delete a bucket with all that is in it'),
      deleteIcon,
      bucket,
      ({ cluster, name }) => drives.drive(cluster).delete(name),
      trans.__('The bucket could not be deleted')
    );
    add(
      BucketCommandIDs.uploadFiles,
      trans.__('Upload Files…'),
      trans.__('Upload files into a folder of a bucket'),
      fileUploadIcon,
      args => {
        const one = meant(args);
        return one?.place ? one : undefined;
      },
      ({ cluster, path }) =>
        commands.execute(TransferCommands.upload, { cluster, path }),
      trans.__('Not everything was uploaded')
    );
    add(
      BucketCommandIDs.copyHere,
      trans.__('Copy to My Files'),
      trans.__('Copy what is selected into the folder of the file browser'),
      downloadIcon,
      args => (files ? meant(args)?.place && selectedPaths(args) : undefined),
      async paths => {
        const folder = files?.model.path ?? '';
        await transfer(paths, folder);
        Notification.success(
          trans.__('Copied to %1.', contents.localPath(folder) || '/'),
          { autoClose: 3000 }
        );
      },
      trans.__('Not everything was copied')
    );
    const selectedPaths = (args: ReadonlyPartialJSONObject): string[] => {
      const one = meant(args);
      return typeof args.path === 'string' && one
        ? [`${drives.drive(one.cluster).name}:${one.path}`]
        : selected().map(({ path }) => path);
    };
    commands.addCommand(BucketCommandIDs.copyToBucket, {
      label: trans.__('Copy to a Bucket…'),
      caption: trans.__('Copy what is selected into a folder of a bucket'),
      icon: fileUploadIcon,
      describedBy: described({
        folder: trans.__('Bucket and folder; otherwise it is asked for')
      }),
      isEnabled: () => model.current !== undefined && selected().length > 0,
      execute: async args => {
        const cluster = model.current;
        const paths = selected().map(({ path }) => path);
        if (cluster === undefined || !paths.length) {
          return;
        }
        try {
          const { folderDialog } = await import('./dialogs/choices');
          const storage = await client.storage();
          const folder =
            typeof args.folder === 'string'
              ? args.folder
              : await folderDialog({ cluster, storage, trans, paths });
          if (folder) {
            const { name } = drives.drive(cluster);
            await transfer(paths, `${name}:${folder}`);
            Notification.success(trans.__('Copied to %1.', folder), {
              autoClose: 3000
            });
          }
        } catch (reason) {
          await tellProblem(
            trans.__('Not everything was copied'),
            reason,
            trans
          );
        }
      }
    });
    const whole = (args: ReadonlyPartialJSONObject) => {
      const one = meant(args);
      return one?.place?.key ? one : undefined;
    };
    add(
      BucketCommandIDs.openObject,
      trans.__('Open'),
      trans.__('Open an object in an editor, or a folder as a table'),
      undefined,
      meant,
      ({ cluster, isFolder, path }) =>
        isFolder
          ? commands.execute(BucketCommandIDs.openFolder, { cluster, path })
          : commands.execute('docmanager:open', {
              path: `${drives.drive(cluster).name}:${path}`
            }),
      trans.__('It could not be opened')
    );
    add(
      BucketCommandIDs.deleteObject,
      trans.__('Delete…'),
      trans.__('Delete an object, or a folder with all that is in it'),
      deleteIcon,
      args => whole(args) ?? bucket(args),
      async one => {
        const { work } = await import('./work');
        // The drive asks, but for an object only where core speaks of a trash.
        const isAsked =
          'name' in one ||
          one.isFolder ||
          PageConfig.getOption('delete_to_trash') === 'true';
        if ('name' in one) {
          await drives.drive(one.cluster).delete(one.name);
        } else if (
          isAsked ||
          (one.place && (await work(trans).askForGood(one.place)))
        ) {
          await drives.drive(one.cluster).delete(one.path);
        }
      },
      trans.__('It could not be deleted')
    );
  }
};
