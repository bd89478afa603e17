import { showErrorMessage } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { OscarError } from './tokens';
import { Problem } from './types';

/** Show a person what failed and why, in the upstream's words. */
export async function tellProblem(
  what: string,
  reason: unknown,
  trans: TranslationBundle
): Promise<void> {
  if (reason instanceof OscarError) {
    const { message, hint } = reason.problem;
    await showErrorMessage(what, hint ? `${message}\n${hint}` : message);
  } else {
    console.error(what, reason);
    await showErrorMessage(
      what,
      trans.__('Something unexpected happened: %1', String(reason))
    );
  }
}

/** What an error says; one that is not ours is said as it is. */
export function problemOf(error: unknown): Problem {
  if (error instanceof OscarError) {
    return error.problem;
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'failed',
    message,
    hint: '',
    line: null,
    upstream_status: null
  };
}
