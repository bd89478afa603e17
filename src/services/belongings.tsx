import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { number, size } from '../format';
import { Belonging } from '../types';

/** What deleting a service destroys, bucket by bucket. */
export function destroyed(
  belongings: readonly Belonging[],
  trans: TranslationBundle
): React.ReactElement {
  if (belongings.length === 0) {
    return <p>{trans.__('It has no buckets of its own.')}</p>;
  }
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
