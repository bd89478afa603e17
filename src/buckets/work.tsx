import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { number, size } from '../format';
import { BucketRow, FolderAmount } from '../types';
import { IWork } from './drive';
import { nameOf } from './paths';

/** Objects from which work on them is followed in a notice. */
const FOLLOWED = 50;

/** Asks before many objects are deleted or moved, and says how far that is. */
export function work(trans: TranslationBundle): IWork {
  const objects = (amount: FolderAmount): string =>
    amount.more
      ? trans.__('more than %1 objects', number(amount.objects))
      : trans._n('1 object', '%1 objects', amount.objects);
  const whole = (amount: FolderAmount): string =>
    amount.more
      ? objects(amount)
      : trans.__('%1, %2', objects(amount), size(amount.bytes));
  const asked = async (
    title: string,
    body: React.ReactElement,
    label: string,
    isDangerous: boolean
  ): Promise<boolean> => {
    const button = isDangerous ? Dialog.warnButton : Dialog.okButton;
    const { button: pressed } = await showDialog({
      title,
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        button({ label })
      ],
      defaultButton: 0
    });
    return pressed.accept;
  };

  return {
    ask: (verb, place, amount) => {
      const name = `${place.bucket}/${place.key}/`;
      return verb === 'delete'
        ? asked(
            trans.__('Delete %1?', name),
            <p>{trans.__('In it: %1.', whole(amount))}</p>,
            trans.__('Delete %1', objects(amount)),
            true
          )
        : asked(
            trans.__('Move %1?', name),
            <p>
              {trans.__(
                'In it: %1. A bucket cannot rename a folder: each object is copied, and then removed where it was.',
                whole(amount)
              )}
            </p>,
            trans.__('Move %1', objects(amount)),
            false
          );
    },
    askForGood: place => {
      const name = nameOf(place.key);
      return asked(
        trans.__('Delete %1 for good?', name),
        <p>{trans.__('A bucket has no trash to take it from again.')}</p>,
        trans.__('Delete %1', name),
        true
      );
    },
    askBucket: (bucket: BucketRow, amount) =>
      asked(
        trans.__('Delete %1?', bucket.name),
        <>
          <p>
            {amount.objects
              ? trans.__('All that is in it goes too: %1.', whole(amount))
              : trans.__('It is empty.')}
          </p>
          {bucket.service ? (
            <p>
              {trans.__(
                'It was made for the service %1, which reads or writes there.',
                bucket.service
              )}
            </p>
          ) : null}
        </>,
        amount.objects
          ? trans.__('Delete %1 and %2', bucket.name, objects(amount))
          : trans.__('Delete %1', bucket.name),
        true
      ),
    follow: async (what, amount, run) => {
      if (!amount.more && amount.objects < FOLLOWED) {
        return run(() => undefined);
      }
      const id = Notification.emit(what, 'in-progress', {
        autoClose: false,
        progress: 0
      });
      try {
        const done = await run(count => {
          Notification.update({
            id,
            message: trans.__(
              '%1: %2 of %3',
              what,
              number(count),
              objects(amount)
            ),
            // Where counting stopped early the bar does not pretend to know.
            progress: amount.more ? undefined : count / amount.objects
          });
        });
        Notification.dismiss(id);
        return done;
      } catch (reason) {
        Notification.dismiss(id);
        throw reason;
      }
    }
  };
}
