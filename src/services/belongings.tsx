import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Body, Doing, Wrong } from '../doing';
import { CheckField, TextField } from '../form';
import { number, size } from '../format';
import { IOscarClient } from '../tokens';
import { Belonging, Problem } from '../types';

/** Ask, with the names of what goes with it and an offer to keep a copy, and delete a service; whether it was. */
export async function deleteDialog(options: {
  client: IOscarClient;
  cluster: string;
  name: string;
  belongings: readonly Belonging[];
  trans: TranslationBundle;
}): Promise<boolean> {
  const { belongings, client, cluster, name, trans } = options;
  const keeping = { isWanted: false, into: `${name}-kept`, isCopying: false };
  const body = new Body(problem => (
    <Destroyed {...options} keeping={keeping} problem={problem} />
  ));
  const dialog = new Doing(
    {
      title: trans.__('Delete %1?', name),
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({
          label: belongings.length
            ? trans._n(
                'Delete %2 and 1 bucket',
                'Delete %2 and %1 buckets',
                belongings.length,
                name
              )
            : trans.__('Delete %1', name)
        })
      ],
      defaultButton: 0
    },
    async () => {
      body.tell(undefined);
      if (keeping.isWanted) {
        keeping.isCopying = true;
        body.update();
        try {
          await client.keep(cluster, name, keeping.into.trim());
        } finally {
          keeping.isCopying = false;
          body.update();
        }
      }
      await client.remove(cluster, name);
      return true;
    },
    problem => {
      body.tell(problem);
    }
  );
  await dialog.launch();
  return dialog.done ?? false;
}

/** What deleting a service destroys, bucket by bucket, and where a copy of it would be kept. */
function Destroyed(props: {
  name: string;
  belongings: readonly Belonging[];
  keeping: { isWanted: boolean; into: string; isCopying: boolean };
  problem: Problem | undefined;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { belongings, keeping, name, problem, trans } = props;
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  const set = (change: Partial<typeof keeping>): void => {
    Object.assign(keeping, change);
    again();
  };
  const objects = belongings.reduce((sum, one) => sum + one.objects, 0);
  const isEmpty = objects === 0 && belongings.every(one => !one.more);
  return (
    <>
      {belongings.length === 0 ? (
        <p>{trans.__('It has no buckets of its own.')}</p>
      ) : (
        <Buckets belongings={belongings} trans={trans} />
      )}
      {isEmpty ? null : (
        <CheckField
          label={trans.__('Keep a copy of what is in them')}
          checked={keeping.isWanted}
          onCheck={isWanted => {
            set({ isWanted });
          }}
        />
      )}
      {keeping.isWanted ? (
        <TextField
          label={trans.__('In the bucket')}
          name="into"
          value={keeping.into}
          placeholder={`${name}-kept`}
          onText={into => {
            set({ into });
          }}
        />
      ) : null}
      {keeping.isCopying ? (
        <p role="status">
          {trans._n('Copying 1 object…', 'Copying %1 objects…', objects)}
        </p>
      ) : null}
      <Wrong problem={problem} />
    </>
  );
}

function Buckets(props: {
  belongings: readonly Belonging[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { belongings, trans } = props;
  return (
    <div className="jp-OscarBelongings">
      <p>
        {trans.__(
          'These buckets are deleted with it, and all that is in them:'
        )}
      </p>
      <table>
        <tbody>
          {belongings.map(one => (
            <tr key={one.bucket}>
              <th scope="row">{one.bucket}</th>
              <td>
                {one.more
                  ? trans.__('more than %1 objects', number(one.objects))
                  : trans._n('1 object', '%1 objects', one.objects)}
              </td>
              <td>{one.more ? '' : size(one.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {belongings
        .filter(one => one.others.length > 0)
        .map(one => (
          <p key={one.bucket} className="jp-OscarBelongings-others">
            {trans._n(
              '%2 uses %3 too and loses it.',
              '%1 other services use %3 too and lose it: %2.',
              one.others.length,
              one.others.join(', '),
              one.bucket
            )}
          </p>
        ))}
    </div>
  );
}
