import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { useChanged } from './hooks';
import { oscarIcon } from './icons';
import { CommandIDs, GOING, IOscarModel } from './tokens';

/** The cluster and how many of its calls are under way; looks on as long as there are some. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:status',
  description:
    'Shows the OSCAR cluster and its running calls in the status bar.',
  autoStart: true,
  requires: [IOscarModel],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    model: IOscarModel,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    if (!statusBar) {
      return; // Notebook 7 has none
    }
    const trans = (translator ?? nullTranslator).load('jupyter_oscar');
    const activeStateChanged = new Signal<object, void>({});
    let looking: IDisposable | null = null;
    const going = (): number =>
      model.calls.rows?.filter(row => GOING.includes(row.state)).length ?? 0;

    function Item(): React.JSX.Element {
      useChanged(model.changed);
      useChanged(model.calls.changed);
      const count = going();
      return (
        <button
          type="button"
          className="jp-OscarStatus"
          title={trans.__('Show the OSCAR panel')}
          onClick={() => {
            void app.commands.execute(CommandIDs.showSidebar);
          }}
        >
          <oscarIcon.react tag="span" width="14px" height="14px" />
          <span>{model.current}</span>
          {count > 0 ? (
            <span className="jp-mod-number">
              {trans._n('1 running', '%1 running', count)}
            </span>
          ) : null}
        </button>
      );
    }

    const onChanged = (): void => {
      if (going() > 0) {
        looking ??= model.look();
      } else {
        looking?.dispose();
        looking = null;
      }
      activeStateChanged.emit();
    };
    model.changed.connect(onChanged);
    model.calls.changed.connect(onChanged);
    statusBar.registerStatusItem('jupyter-oscar:status', {
      item: ReactWidget.create(<Item />),
      align: 'left',
      rank: 90,
      isActive: () =>
        model.current !== undefined && model.clusters.rows !== undefined,
      activeStateChanged
    });
  }
};
