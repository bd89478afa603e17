import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Body, Doing, Wrong } from '../doing';
import { CheckField, PlaceFields, TextField } from '../form';
import { useChange } from '../hooks';
import { IStorage } from '../buckets/tokens';
import {
  BucketRow,
  NewMount,
  Place,
  Problem,
  WorkingDirectory
} from '../types';

/** Which bucket to mount as which folder of one's files; what is mounted then. */
export async function mountDialog(options: {
  cluster: string;
  storage: IStorage;
  trans: TranslationBundle;
  /** The bucket or folder that is meant already. */
  place?: Place;
  /** The folder of the file browser in which it is to lie. */
  beside: string;
}): Promise<{ path: string; done: WorkingDirectory } | undefined> {
  const { beside, cluster, place, storage, trans } = options;
  const [there, buckets] = await Promise.all([
    storage.workingDirectory(cluster),
    storage.buckets(cluster)
  ]);
  if (there.cannot) {
    const { hint, message } = there.cannot;
    await showDialog({
      title: trans.__('No bucket can be mounted here'),
      body: (
        <>
          <p>{message}</p>
          <p className="jp-OscarQuiet">{hint}</p>
        </>
      ),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
    return undefined;
  }
  const folder = (place?.key ?? '').replace(/\/$/, '');
  const bucket = place?.bucket ?? buckets.at(0)?.name ?? '';
  const said: Required<NewMount> = {
    bucket,
    folder,
    path: [beside, folder.split('/').pop() || bucket].filter(Boolean).join('/'),
    read_only: false
  };
  const body = new Body(problem => (
    <MountForm {...{ buckets, problem, said, trans }} />
  ));
  const dialog = new Doing(
    {
      title: trans.__('Mount a Bucket as a Folder'),
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Mount') })
      ],
      focusNodeSelector: place ? '[name="path"]' : 'select'
    },
    () => storage.mount(cluster, said),
    problem => {
      body.tell(problem);
    }
  );
  await dialog.launch();
  return dialog.done && { path: said.path, done: dialog.done };
}

function MountForm(props: {
  buckets: readonly BucketRow[];
  said: Required<NewMount>;
  problem: Problem | undefined;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { buckets, problem, said, trans } = props;
  const set = useChange(said);
  return (
    <>
      <PlaceFields
        {...{ buckets, trans }}
        bucket={said.bucket}
        folder={said.folder}
        placeholder={trans.__('all of it')}
        onChange={set}
      />
      <TextField
        label={trans.__('As')}
        name="path"
        value={said.path}
        placeholder={trans.__('a folder of your files')}
        onText={path => {
          set({ path });
        }}
      />
      <CheckField
        label={trans.__('Read only')}
        checked={said.read_only}
        onCheck={read_only => {
          set({ read_only });
        }}
      />
      <p className="jp-OscarQuiet">
        {trans.__(
          'What is written there is in the bucket a second later, and starts the services that watch it.'
        )}
      </p>
      <Wrong problem={problem} />
    </>
  );
}
