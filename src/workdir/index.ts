import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ITranslator } from '@jupyterlab/translation';
import { folderIcon, saveIcon } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { DisposableDelegate } from '@lumino/disposable';

import { IBucketActions, IOscarDrives } from '../buckets/tokens';
import { words } from '../commands';
import { IOscarClient, IOscarModel } from '../tokens';
import { MountedFolder } from '../types';
import { lies, saveInBucket, unsaved } from './open';
import { FolderCommandIDs } from './tokens';

/** Buckets as folders of one's own files: mounted, undone, and what to do when a mount is gone. */
export const workingDirectoryPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:working-directory',
  description: 'Mounts buckets as folders, and says when a mount is gone.',
  autoStart: true,
  requires: [IOscarClient, IOscarModel, IOscarDrives, IBucketActions],
  optional: [IDefaultFileBrowser, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    drives: IOscarDrives,
    actions: IBucketActions,
    files: IDefaultFileBrowser | null,
    translator: ITranslator | null
  ): void => {
    const { commands, docRegistry, shell } = app;
    const { contents } = app.serviceManager;
    const trans = words(translator);
    const { add, meant } = actions;
    /** The cluster and the folder of this machine that is meant; its path where the file browser has it. */
    const folder = (args: ReadonlyPartialJSONObject) => {
      const cluster = (args.cluster as string | undefined) ?? model.current;
      return cluster !== undefined && typeof args.point === 'string'
        ? { cluster, point: args.point, path: args.path as string | null }
        : undefined;
    };
    const row = async (cluster: string, point: string) => {
      const storage = await client.storage();
      const { mounts } = await storage.workingDirectory(cluster);
      return mounts.find(one => one.point === point);
    };

    add(
      FolderCommandIDs.mount,
      trans.__('Mount as a Folder…'),
      trans.__('Have a bucket as a folder of your own files'),
      folderIcon,
      args => {
        const cluster = meant(args)?.cluster ?? model.current;
        return cluster === undefined
          ? undefined
          : { cluster, place: meant(args)?.place };
      },
      async ({ cluster, place }) => {
        const { mountDialog } = await import('./dialog');
        const storage = await client.storage();
        const beside = contents.driveName(files?.model.path ?? '')
          ? ''
          : (files?.model.path ?? '');
        const said = { beside, cluster, place, storage, trans };
        const mounted = await mountDialog(said);
        if (mounted) {
          await files?.model.refresh();
        }
      },
      trans.__('The bucket could not be mounted')
    );
    add(
      FolderCommandIDs.unmount,
      trans.__('Unmount'),
      trans.__('Undo the mount of a folder once all is written back'),
      folderIcon,
      folder,
      async ({ cluster, point }) => {
        await (await client.storage()).unmount(cluster, point);
        await files?.model.refresh();
      },
      trans.__('The folder could not be unmounted')
    );
    add(
      FolderCommandIDs.remount,
      trans.__('Mount Again'),
      trans.__('Mount a folder again whose mount is gone'),
      folderIcon,
      folder,
      async ({ cluster, point }) => {
        const found = await row(cluster, point);
        if (found?.state === 'gone' && found.path !== null) {
          const { bucket, folder, path, read_only } = found;
          const said = { bucket, folder, path, read_only };
          await (await client.storage()).mount(cluster, said);
          await files?.model.refresh();
        }
      },
      trans.__('The folder could not be mounted again')
    );
    const rescue = async (
      cluster: string,
      found: MountedFolder,
      open: readonly DocumentRegistry.Context[]
    ): Promise<void> => {
      const { name } = drives.drive(cluster);
      const saved: string[] = [];
      for (const context of open) {
        saved.push(await saveInBucket(contents, name, found, context));
      }
      Notification.success(
        trans.__('Saved in the bucket: %1.', saved.join(', ')),
        { autoClose: 5000 }
      );
    };
    add(
      FolderCommandIDs.rescue,
      trans.__('Save Open Files to the Bucket'),
      trans.__('Save what is open of a folder whose mount is gone'),
      saveIcon,
      args => {
        const one = folder(args);
        return one &&
          typeof one.path === 'string' &&
          unsaved(shell, one.path).length
          ? { ...one, path: one.path }
          : undefined;
      },
      async ({ cluster, path, point }) => {
        const found = await row(cluster, point);
        if (found) {
          await rescue(cluster, found, unsaved(shell, path));
        }
      },
      trans.__('Not everything was saved')
    );

    /** Say of a document that could not be saved that its folder is gone, if that is why. */
    const onFailed = async (
      context: DocumentRegistry.Context
    ): Promise<void> => {
      const cluster = model.current;
      if (cluster === undefined) {
        return;
      }
      const storage = await client.storage();
      const { mounts } = await storage.workingDirectory(cluster);
      const gone = mounts.find(
        ({ path, state }) =>
          state === 'gone' && path !== null && lies(context.path, path)
      );
      if (!gone) {
        return;
      }
      const place = [gone.bucket, gone.folder].filter(Boolean).join('/');
      Notification.warning(
        trans.__(
          '%1 was not saved: %2 is no longer mounted. What you typed is still in the page.',
          context.path,
          place
        ),
        {
          autoClose: false,
          // What ours had not yet written back is written when it is mounted again, and would replace what is newer.
          actions: [
            gone.ours
              ? {
                  label: trans.__('Mount again'),
                  callback: () => {
                    const { path, point } = gone;
                    const args = { cluster, path, point };
                    void commands.execute(FolderCommandIDs.remount, args);
                  }
                }
              : {
                  label: trans.__('Save to the bucket'),
                  callback: () => {
                    void rescue(cluster, gone, [context]).catch(console.error);
                  }
                }
          ]
        }
      );
    };
    for (const kind of ['Notebook', 'Editor']) {
      docRegistry.addWidgetExtension(kind, {
        createNew: (_, context) => {
          const onSave = (_: unknown, state: string): void => {
            if (state === 'failed') {
              onFailed(context).catch(console.warn);
            }
          };
          context.saveState.connect(onSave);
          return new DisposableDelegate(() => {
            context.saveState.disconnect(onSave);
          });
        }
      });
    }
  }
};
