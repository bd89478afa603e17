import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Body } from '../doing';
import { ago, exactly } from '../format';
import { UploadStorage } from './storage';
import { ITarget } from './tokens';

/** Seconds after which it is likely that nobody goes on with an upload. */
const OLD = 24 * 3600;

/** Uploads into a bucket that were begun and never ended, and what of them is to be removed. */
export async function unfinishedDialog(options: {
  target: ITarget;
  storage: UploadStorage;
  /** Whether one of them is on its way from here. */
  isOurs: (id: string) => boolean;
  trans: TranslationBundle;
}): Promise<void> {
  const { isOurs, storage, target, trans } = options;
  const all = await storage.unfinished(target);
  const left = all.filter(({ id }) => !isOurs(id));
  const where = `${target.bucket}/${target.prefix}`;
  if (left.length === 0) {
    await showDialog({
      title: trans.__('No Unfinished Uploads'),
      body: trans.__('Nothing was left behind in %1.', where),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
    return;
  }
  const now = Date.now() / 1000;
  const chosen = new Set(left.filter(({ begun }) => now - begun > OLD));
  const body = new Body(() => (
    <>
      <p>
        {trans.__(
          'Their parts take room in %1, and nobody sees them. Whoever still sends one begins it anew.',
          where
        )}
      </p>
      <ul className="jp-OscarUnfinished">
        {left.map(one => (
          <li key={one.id}>
            <label className="jp-OscarForm-check">
              <input
                type="checkbox"
                defaultChecked={chosen.has(one)}
                onChange={({ target: box }) => {
                  chosen[box.checked ? 'add' : 'delete'](one);
                }}
              />
              <span className="jp-OscarUnfinished-key" title={one.key}>
                {one.key}
              </span>
              <span className="jp-OscarQuiet" title={exactly(one.begun)}>
                {ago(one.begun, trans)}
              </span>
            </label>
          </li>
        ))}
      </ul>
    </>
  ));
  const { button } = await showDialog({
    title: trans.__('Unfinished Uploads'),
    body,
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: trans.__('Remove what is chosen') })
    ]
  });
  if (button.accept) {
    for (const { key, id } of chosen) {
      await storage.giveUp({ target, key, id });
    }
  }
}
