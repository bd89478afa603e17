import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';
import {
  addBelowIcon,
  copyIcon,
  linkIcon,
  runIcon
} from '@jupyterlab/ui-components';

import { insertBelow } from '../cells';
import { words } from '../commands';
import { CommandIDs, IOscarClient, IOscarModel } from '../tokens';
import { asFolder, placeName, s3Url } from './paths';
import type { Reader } from './snippet';
import { IBucketActions, BucketCommandIDs, IOscarDrives } from './tokens';

/** What objects are good for: links, paths, cells that read them, calls, and what a new one would start. */
export const usesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:objects',
  description: 'Commands that use the objects of buckets.',
  autoStart: true,
  requires: [
    IOscarClient,
    IOscarModel,
    IOscarDrives,
    IBucketActions,
    IFileBrowserFactory
  ],
  optional: [INotebookTracker, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IOscarClient,
    model: IOscarModel,
    drives: IOscarDrives,
    actions: IBucketActions,
    browsers: IFileBrowserFactory,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const trans = words(translator);
    const { add, describedBy, meant, object } = actions;

    add(
      BucketCommandIDs.copyLink,
      trans.__('Link for Anybody…'),
      trans.__('Make a link with which anybody may read an object for a while'),
      linkIcon,
      object,
      async ({ cluster, place }) => {
        const { linkDialog } = await import('./dialogs/link');
        const storage = await client.storage();
        await linkDialog({ cluster, place, storage, trans });
      },
      trans.__('The link could not be made')
    );
    add(
      BucketCommandIDs.copyS3Path,
      trans.__('Copy s3:// Path'),
      trans.__('Copy how cells and command lines call it'),
      copyIcon,
      args => {
        const one = meant(args);
        return one?.place && (one.isFolder ? asFolder(one.place) : one.place);
      },
      place => {
        Clipboard.copyToSystem(s3Url(place));
      },
      trans.__('The path could not be copied')
    );
    add(
      BucketCommandIDs.whoWatches,
      trans.__('What Does a New File Here Start?'),
      trans.__('The services that a new file in a folder starts'),
      runIcon,
      args => {
        const one = meant(args);
        return one?.place && { ...one, place: one.place };
      },
      async ({ cluster, place, isFolder }) => {
        const { watchersDialog } = await import('./dialogs/choices');
        const cut = place.key.lastIndexOf('/') + 1;
        const folder = isFolder
          ? asFolder(place)
          : { ...place, key: place.key.slice(0, cut) };
        const storage = await client.storage();
        const { bucket, key } = folder;
        const watchers = await storage.triggers(cluster, bucket, key);
        const service = await watchersDialog({ folder, trans, watchers });
        if (service !== undefined) {
          await commands.execute(CommandIDs.openService, { cluster, service });
        }
      },
      trans.__('The services could not be read')
    );
    add(
      BucketCommandIDs.whatStarted,
      trans.__('What Did It Start?'),
      trans.__('Who watches a file, and what came after it'),
      runIcon,
      object,
      async ({ cluster, place }) => {
        const { startedDialog } = await import('./dialogs/choices');
        const storage = () => client.storage();
        const said = { cluster, commands, drives, place, storage, trans };
        await startedDialog(said);
      },
      trans.__('The services could not be read')
    );
    add(
      BucketCommandIDs.useAsInput,
      trans.__('Use as Input of…'),
      trans.__('Call a service with an object'),
      runIcon,
      object,
      async ({ cluster, place }) => {
        const { serviceDialog } = await import('./dialogs/choices');
        const service = await serviceDialog({
          object: placeName(place),
          services: (model.services.rows ?? []).filter(
            ({ kind }) => kind !== 'exposed'
          ),
          trans
        });
        if (service !== undefined) {
          await commands.execute(CommandIDs.callService, {
            cluster,
            service,
            object: placeName(place)
          });
        }
      },
      trans.__('The service could not be opened')
    );

    const readers: Record<Reader, string> = {
      pandas: trans.__('pandas'),
      xarray: trans.__('xarray'),
      bytes: trans.__('bytes')
    };
    commands.addCommand(BucketCommandIDs.insertReadCell, {
      label: args =>
        args.isMenu === true
          ? readers[(args.as as Reader | undefined) ?? 'bytes']
          : trans.__('Insert Cell That Reads It'),
      caption: trans.__(
        'Insert a cell below the active one that reads the object'
      ),
      icon: args => (args.isMenu === true ? undefined : addBelowIcon),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            ...(describedBy.args.properties as object),
            as: {
              type: 'string',
              enum: ['pandas', 'xarray', 'bytes'],
              description: trans.__(
                'What reads it; otherwise what its name says'
              )
            }
          }
        }
      },
      isEnabled: args =>
        !!notebooks?.currentWidget && object(args) !== undefined,
      execute: args => {
        const one = object(args);
        const panel = notebooks?.currentWidget;
        if (one && panel) {
          const reader = args.as as Reader | undefined;
          void import('./snippet').then(({ readingCell }) => {
            insertBelow(panel, readingCell(one.cluster, one.place, reader));
          });
        }
      }
    });
    for (const changed of [
      notebooks?.currentChanged,
      browsers.tracker.currentChanged
    ]) {
      changed?.connect(() => {
        commands.notifyCommandChanged();
      });
    }
  }
};
