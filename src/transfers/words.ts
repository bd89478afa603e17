import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from '../tokens';
import { passes } from './patience';
import { Row } from './row';
import { NotWritten } from './sink';
import { ITransfer } from './tokens';

/** What a transfer that failed for this reason waits for, if it goes on by itself. */
export function needOf(reason: unknown): ITransfer.Need | undefined {
  if (
    reason instanceof OscarError &&
    reason.problem.code === 'not-authenticated'
  ) {
    return 'sign-in';
  }
  return passes(reason) ? 'storage' : undefined;
}

/** Why a transfer stopped, and what is to be done. */
export function why(
  reason: unknown,
  row: Row,
  trans: TranslationBundle
): [string, string | undefined] {
  if (reason instanceof OscarError) {
    const { code, hint, message } = reason.problem;
    if (code === 'not-authenticated') {
      return [
        trans.__('Your sign-in to %1 has ended.', row.target.cluster),
        trans.__('It goes on when you have signed in again.')
      ];
    }
    if (code === 'jupyter-refuses') {
      return [
        message,
        trans.__('Sign in to Jupyter in another tab, then try it again.')
      ];
    }
    if (passes(reason)) {
      return [message, trans.__('It goes on by itself when that has passed.')];
    }
    return [message, hint || undefined];
  }
  if (reason instanceof NotWritten) {
    return reason.isFull
      ? [
          trans.__('There is no room for it on this machine.'),
          trans.__('Make some, then try it again.')
        ]
      : [
          trans.__('The file cannot be written: %1', reason.message),
          trans.__('Try it again, or save it to another place.')
        ];
  }
  if (reason instanceof DOMException && reason.name === 'NotReadableError') {
    return [
      trans.__('The file cannot be read any more: it was changed.'),
      trans.__('Choose it again.')
    ];
  }
  return [
    reason instanceof Error ? reason.message : String(reason),
    trans.__('What has arrived is kept: try it again.')
  ];
}
