import { Dialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { number } from '../../format';
import { BucketRow, Place, ServiceRow, WatchedBy } from '../../types';
import { IStarted, Started } from '../landed';
import { nameOf, placeName } from '../paths';
import { IStorage } from '../tokens';
import { Body } from '../../doing';
import { PlaceFields } from '../../form';
import { useChange } from '../../hooks';

/** Where to copy something: a bucket, and a folder in it that need not be there yet. */
export async function folderDialog(options: {
  cluster: string;
  storage: IStorage;
  paths: readonly string[];
  trans: TranslationBundle;
}): Promise<string | undefined> {
  const { cluster, paths, storage, trans } = options;
  const buckets = await storage.buckets(cluster);
  if (!buckets.length) {
    await showDialog({
      title: trans.__('There is no bucket'),
      body: trans.__('Make one first.'),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
    return undefined;
  }
  const said = { bucket: buckets[0].name, folder: '' };
  const { button } = await showDialog({
    title:
      paths.length === 1
        ? trans.__('Copy %1 to a Bucket', Private.name(paths[0]))
        : trans.__('Copy %1 Files to a Bucket', number(paths.length)),
    body: new Body(() => <FolderForm {...{ buckets, said, trans }} />),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Copy') })
    ],
    focusNodeSelector: 'select'
  });
  const folder = said.folder.split('/').filter(Boolean).join('/');
  return button.accept
    ? [said.bucket, folder].filter(Boolean).join('/')
    : undefined;
}

function FolderForm(props: {
  buckets: readonly BucketRow[];
  said: { bucket: string; folder: string };
  trans: TranslationBundle;
}): React.JSX.Element {
  const { buckets, said, trans } = props;
  const set = useChange(said);
  return (
    <PlaceFields
      {...{ buckets, trans, ...said }}
      placeholder={trans.__('the top of the bucket')}
      onChange={set}
    />
  );
}

/** Which services a new file in a folder starts; the one to be opened, if any. */
export async function watchersDialog(options: {
  folder: Place;
  watchers: readonly WatchedBy[];
  trans: TranslationBundle;
}): Promise<string | undefined> {
  const { folder, trans, watchers } = options;
  const here = placeName(folder).replace(/\/$/, '');
  const below = watchers.filter(one => one.folder.startsWith(`${here}/`));
  const started = watchers.filter(one => !below.includes(one));
  let opened: string | undefined;
  const dialog = new Dialog({
    title: trans.__('A new file in %1', here),
    body: ReactWidget.create(
      <>
        {started.length ? (
          <p>
            {trans._n(
              'It starts this service:',
              'It starts these %1 services:',
              started.length
            )}
          </p>
        ) : (
          <p>
            {trans.__(
              'It starts nothing: no service that you see has its input here.'
            )}
          </p>
        )}
        <ul className="jp-OscarWatchers">
          {started.map(({ service }) => (
            <li key={service}>
              <button
                type="button"
                className="jp-OscarLink"
                onClick={() => {
                  opened = service;
                  dialog.reject();
                }}
              >
                {service}
              </button>
            </li>
          ))}
        </ul>
        {below.map(one => (
          <p className="jp-OscarQuiet" key={one.service}>
            {trans.__('A new file in %1 starts %2.', one.folder, one.service)}
          </p>
        ))}
      </>
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  await dialog.launch();
  return opened;
}

/** What a file started, and what was seen after it landed. */
export async function startedDialog(
  options: IStarted & { place: Place }
): Promise<void> {
  const { commands, place, trans } = options;
  const dialog = new Dialog({
    title: trans.__('What %1 Started', nameOf(place.key)),
    body: ReactWidget.create(
      <div className="jp-OscarForm">
        <Started {...options} />
      </div>
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  // What is opened from it is seen.
  const close = (_: unknown, { id }: { id: string }): void => {
    if (/^(docmanager|jupyter-oscar):/.test(id)) {
      dialog.reject();
    }
  };
  commands.commandExecuted.connect(close);
  await dialog.launch();
  commands.commandExecuted.disconnect(close);
}

/** The service that is to be called with an object. */
export async function serviceDialog(options: {
  object: string;
  services: readonly ServiceRow[];
  trans: TranslationBundle;
}): Promise<string | undefined> {
  const { object, services, trans } = options;
  if (!services.length) {
    await showDialog({
      title: trans.__('There is no service to call'),
      body: trans.__('Deploy one first.'),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
    return undefined;
  }
  let chosen = services[0].name;
  const { button } = await showDialog({
    title: trans.__('Use as Input'),
    body: new Body(() => (
      <label className="jp-OscarForm-field">
        <span>{trans.__('Call with %1', object)}</span>
        <HTMLSelect
          defaultValue={chosen}
          onChange={event => {
            chosen = event.target.value;
          }}
        >
          {services.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </HTMLSelect>
      </label>
    )),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Go On') })
    ],
    focusNodeSelector: 'select'
  });
  return button.accept ? chosen : undefined;
}

namespace Private {
  /** The last part of a path of the contents API, which may begin with a drive. */
  export function name(path: string): string {
    return PathExt.basename(path.slice(path.indexOf(':') + 1));
  }
}
