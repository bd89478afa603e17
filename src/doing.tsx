import { Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { problemOf } from './errors';
import { Problem } from './types';

/** A dialog that stays open, with all that was typed, until what it is for has been done. */
export class Doing<T> extends Dialog<void> {
  constructor(
    options: Partial<Dialog.IOptions<void>>,
    private readonly _do: () => Promise<T>,
    private readonly _tell: (problem: Problem) => void
  ) {
    super(options);
    this.addClass('jp-OscarDialog');
  }

  done: T | undefined;

  /** Core calls this for the button and for Enter. */
  override resolve(index?: number): void {
    if (index === 0) {
      super.resolve(0);
      return;
    }
    if (this._busy) {
      return;
    }
    this._busy = true;
    this._do()
      .then(done => {
        this.done = done;
        super.resolve(1);
      })
      .catch((reason: unknown) => {
        this._tell(problemOf(reason));
      })
      .finally(() => {
        this._busy = false;
      });
  }

  private _busy = false;
}

/** What stands in a dialog, told anew when a problem comes or goes. */
export class Body extends ReactWidget {
  constructor(
    private readonly _render: (
      problem: Problem | undefined
    ) => React.JSX.Element
  ) {
    super();
    this.addClass('jp-OscarForm');
  }

  tell(problem: Problem | undefined): void {
    this._problem = problem;
    this.update();
  }

  protected override render(): React.JSX.Element {
    return this._render(this._problem);
  }

  private _problem: Problem | undefined;
}

export function Wrong(props: {
  problem: Problem | undefined;
}): React.JSX.Element | null {
  const { problem } = props;
  return problem ? (
    <p className="jp-OscarForm-wrong" role="alert">
      {problem.message} {problem.hint}
    </p>
  ) : null;
}
