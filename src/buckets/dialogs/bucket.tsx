import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { size, word } from '../../format';
import { Name } from '../../states';
import { BucketRow, Problem, Sharing } from '../../types';
import { IStorage } from '../tokens';
import { Body, Doing, Wrong } from '../../doing';
import { TextField } from '../../form';
import { useChange } from '../../hooks';

/** Make a bucket, or see how much is in one and change who sees it; the bucket as it is then. */
export async function bucketDialog(options: {
  cluster: string;
  storage: IStorage;
  trans: TranslationBundle;
  row?: BucketRow;
}): Promise<BucketRow | undefined> {
  const { cluster, row, storage, trans } = options;
  const said = {
    name: row?.name ?? '',
    visibility: (row?.visibility || 'private') as Sharing['visibility'],
    users: row?.allowed_users.join(', ') ?? ''
  };
  const isFixed = row && Private.fixed(row, trans) !== undefined;
  const body = new Body(tell => (
    <BucketForm {...options} said={said} problem={tell} />
  ));
  const dialog = new Doing(
    {
      title: row ? row.name : trans.__('New Bucket'),
      body,
      buttons: isFixed
        ? [Dialog.okButton({ label: trans.__('Close') })]
        : [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.okButton({
              label: row ? trans.__('Share') : trans.__('Make Bucket')
            })
          ],
      defaultButton: isFixed ? 0 : 1,
      focusNodeSelector: row ? 'select' : '[name="name"]'
    },
    () => {
      const sharing: Sharing = {
        visibility: said.visibility,
        allowed_users:
          said.visibility === 'restricted'
            ? said.users.split(/[\s,;]+/).filter(Boolean)
            : []
      };
      return row
        ? storage.share(cluster, row.name, sharing)
        : storage.make(cluster, { name: said.name.trim(), ...sharing });
    },
    problem => {
      body.tell(problem);
    }
  );
  await dialog.launch();
  return dialog.done;
}

function BucketForm(props: {
  said: { name: string; visibility: Sharing['visibility']; users: string };
  row?: BucketRow;
  problem: Problem | undefined;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { problem, row, said, trans } = props;
  const fixed = row && Private.fixed(row, trans);
  const set = useChange(said);
  return (
    <>
      {row ? <Usage {...{ isFixed: fixed !== undefined, row, trans }} /> : null}
      {fixed !== undefined ? (
        <p>{fixed}</p>
      ) : (
        <>
          {row ? null : (
            <TextField
              label={trans.__('Name')}
              name="name"
              value={said.name}
              placeholder={trans.__('lower-case letters, digits, hyphens')}
              onText={name => {
                set({ name });
              }}
            />
          )}
          <label className="jp-OscarForm-field">
            <span>{trans.__('Seen by')}</span>
            <HTMLSelect
              value={said.visibility}
              onChange={event => {
                set({
                  visibility: event.target.value as Sharing['visibility']
                });
              }}
            >
              <option value="private">{trans.__('you alone')}</option>
              <option value="restricted">{trans.__('some people')}</option>
              <option value="public">
                {trans.__('everybody on the cluster')}
              </option>
            </HTMLSelect>
          </label>
          {said.visibility === 'restricted' ? (
            <TextField
              label={trans.__('People')}
              name="users"
              value={said.users}
              placeholder={trans.__('their ids on the cluster')}
              onText={users => {
                set({ users });
              }}
            />
          ) : null}
        </>
      )}
      <Wrong problem={problem} />
    </>
  );
}

/** Whose a bucket is, and how much is in it. */
function Usage(props: {
  row: BucketRow;
  isFixed: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { isFixed, row, trans } = props;
  const lines: [string, string][] = [];
  if (row.owner) {
    lines.push([trans.__('Owner'), row.owner]);
  }
  if (row.service) {
    lines.push([trans.__('Service'), row.service]);
  }
  if (row.bytes !== null) {
    const objects =
      row.objects === null
        ? ''
        : trans._n('1 object', '%1 objects', row.objects);
    lines.push([
      trans.__('In it'),
      [
        row.quota === null
          ? size(row.bytes)
          : trans.__('%1 of %2', size(row.bytes), size(row.quota)),
        objects
      ]
        .filter(Boolean)
        .join(', ')
    ]);
  }
  if (row.visibility && isFixed) {
    lines.push([trans.__('Seen by'), word(row.visibility, trans)]);
    if (row.allowed_users.length) {
      lines.push([trans.__('People'), row.allowed_users.join(', ')]);
    }
  }
  return (
    <table className="jp-OscarFacts">
      <tbody>
        {lines.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <Name text={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

namespace Private {
  /** Why who sees a bucket is not decided in the dialog; undefined where it is. */
  export function fixed(
    { mine, service, visibility }: BucketRow,
    trans: TranslationBundle
  ): string | undefined {
    if (service) {
      return trans.__(
        'It is shared as the service %1 is, for which it was made.',
        service
      );
    }
    if (!visibility) {
      return trans.__(
        'It belongs to the admin of the cluster and is not shared.'
      );
    }
    return mine === false
      ? trans.__('Only its owner decides who sees it.')
      : undefined;
  }
}
