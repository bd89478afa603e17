import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { problemOf } from '../../errors';
import { exactly, span } from '../../format';
import { Link, Place, Problem } from '../../types';
import { placeName } from '../paths';
import { IStorage } from '../tokens';
import { Body, Wrong } from '../../doing';

const MINUTE = 60;
/** How long a link may work, in seconds. */
const SPANS = [
  10 * MINUTE,
  60 * MINUTE,
  24 * 60 * MINUTE,
  7 * 24 * 60 * MINUTE
];

/** A link with which anybody may read an object, until when it works, and for longer if that is wanted. */
export async function linkDialog(options: {
  cluster: string;
  place: Place;
  storage: IStorage;
  trans: TranslationBundle;
}): Promise<void> {
  const { cluster, place, storage, trans } = options;
  let made = await storage.link(cluster, place.bucket, place.key, SPANS[0]);
  const body = new Body(problem => (
    <LinkForm
      link={made}
      place={place}
      problem={problem}
      trans={trans}
      onSpan={seconds => {
        storage
          .link(cluster, place.bucket, place.key, seconds)
          .then(link => {
            made = link;
            body.tell(undefined);
          })
          .catch((reason: unknown) => {
            body.tell(problemOf(reason));
          });
      }}
    />
  ));
  const { button } = await showDialog({
    title: trans.__('Link for Anybody'),
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Close') }),
      Dialog.okButton({ label: trans.__('Copy Link') })
    ],
    defaultButton: 1
  });
  if (button.accept) {
    Clipboard.copyToSystem(made.url);
  }
}

function LinkForm(props: {
  link: Link;
  place: Place;
  problem: Problem | undefined;
  trans: TranslationBundle;
  onSpan: (seconds: number) => void;
}): React.JSX.Element {
  const { link, onSpan, place, problem, trans } = props;
  const [seconds, setSeconds] = React.useState(SPANS[0]);
  return (
    <>
      <p>
        {trans.__(
          'Whoever has it can read %1 until %2, without signing in.',
          placeName(place),
          exactly(link.expires_at)
        )}
      </p>
      <label className="jp-OscarForm-field">
        <span>{trans.__('Link')}</span>
        <input
          className="jp-mod-styled"
          readOnly
          value={link.url}
          onFocus={event => {
            event.target.select();
          }}
        />
      </label>
      <label className="jp-OscarForm-field">
        <span>{trans.__('Works for')}</span>
        <HTMLSelect
          value={String(seconds)}
          onChange={event => {
            const chosen = Number(event.target.value);
            setSeconds(chosen);
            onSpan(chosen);
          }}
        >
          {SPANS.map(one => (
            <option key={one} value={one}>
              {one < 24 * 60 * MINUTE
                ? span(one, trans)
                : trans._n('1 day', '%1 days', one / (24 * 60 * MINUTE))}
            </option>
          ))}
        </HTMLSelect>
      </label>
      <Wrong problem={problem} />
    </>
  );
}
