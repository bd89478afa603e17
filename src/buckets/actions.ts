import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { described, words } from '../commands';
import { tellProblem } from '../errors';
import { IOscarModel } from '../tokens';
import { Place } from '../types';
import { toPlace } from './paths';
import { IBucketActions, IOscarDrives } from './tokens';

/** What a command is about: something in a bucket of a cluster, whose folders end in a slash if that is known. */
export interface IMeant {
  cluster: string;
  path: string;
  place: Place | undefined;
  isFolder: boolean;
}

/** What `actions` gives. */
export type Actions = ReturnType<typeof actions>;

export const actionsPlugin: JupyterFrontEndPlugin<IBucketActions> = {
  id: 'jupyter-oscar:bucket-actions',
  description: 'Provides what commands on buckets and objects are about.',
  autoStart: true,
  provides: IBucketActions,
  requires: [IOscarModel, IOscarDrives, IFileBrowserFactory],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    drives: IOscarDrives,
    browsers: IFileBrowserFactory,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): IBucketActions =>
    actions({ app, model, drives, browsers, palette, trans: words(translator) })
};

/** What commands on buckets and objects have in common: what they are about, and how they fail. */
function actions(options: {
  app: JupyterFrontEnd;
  model: IOscarModel;
  drives: IOscarDrives;
  browsers: IFileBrowserFactory;
  palette: ICommandPalette | null;
  trans: TranslationBundle;
}) {
  const { app, browsers, drives, model, palette, trans } = options;
  const { commands } = app;
  /** The paths that are selected where one was last chosen, and whether each is a folder. */
  const selected = (): { path: string; isFolder: boolean }[] => {
    const table = drives.selection;
    if (table && app.shell.currentWidget?.node.contains(table.node)) {
      return [{ path: table.path, isFolder: table.isFolder }];
    }
    const browser = browsers.tracker.currentWidget;
    return browser
      ? [...browser.selectedItems()].map(({ path, type }) => ({
          path,
          isFolder: type === 'directory'
        }))
      : [];
  };
  /** All that is meant; without arguments what is selected. */
  const all = (args: ReadonlyPartialJSONObject): IMeant[] => {
    if (typeof args.path === 'string') {
      const cluster = (args.cluster as string | null) ?? model.current;
      const isFolder = args.path.endsWith('/');
      const path = args.path.replace(/\/$/, '');
      const place = toPlace(path);
      return cluster === undefined
        ? []
        : [{ cluster, path, place, isFolder: isFolder || !place?.key }];
    }
    return selected().flatMap(({ isFolder, path }) => {
      const found = drives.place(path);
      return found ? [{ ...found, place: toPlace(found.path), isFolder }] : [];
    });
  };
  const meant = (args: ReadonlyPartialJSONObject): IMeant | undefined =>
    all(args).at(0);
  const object = (args: ReadonlyPartialJSONObject) => {
    const one = meant(args);
    return one?.place?.key && !one.isFolder
      ? { ...one, place: one.place }
      : undefined;
  };
  const bucket = (args: ReadonlyPartialJSONObject) => {
    const one = meant(args);
    return one?.place && !one.place.key
      ? { cluster: one.cluster, name: one.place.bucket }
      : undefined;
  };
  const describedBy = described({
    path: trans.__(
      'Bucket and key with slashes between; otherwise what is selected'
    ),
    cluster: trans.__('The cluster; otherwise the current one')
  });
  /** Add a command about one thing that `pick` finds; what fails is said. */
  const add = <T>(
    id: string,
    label: string,
    caption: string,
    icon: LabIcon | undefined,
    pick: (args: ReadonlyPartialJSONObject) => T | undefined,
    run: (one: T, args: ReadonlyPartialJSONObject) => unknown,
    failed: string,
    /** Whether menus leave it out where there is nothing it could be about. */
    { hides = false } = {}
  ): void => {
    commands.addCommand(id, {
      label,
      caption,
      icon,
      describedBy,
      isEnabled: args => pick(args) !== undefined,
      isVisible: args => !hides || pick(args) !== undefined,
      execute: async args => {
        const one = pick(args);
        if (one === undefined) {
          return;
        }
        try {
          return await run(one, args);
        } catch (reason) {
          await tellProblem(failed, reason, trans);
        }
      }
    });
    palette?.addItem({ command: id, category: trans.__('OSCAR') });
  };
  return { add, all, bucket, describedBy, meant, object, selected };
}
