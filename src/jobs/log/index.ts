import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { common, described, words } from '../../commands';
import { CommandIDs, IOscarChannel, IOscarModel } from '../../tokens';
import type { LogView } from './view';

/**
 * Opens the log of one call in the main area. What is read and how it is drawn
 * is fetched when the first log is opened.
 */
export const logPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-oscar:log',
  description: 'Opens the log of an OSCAR call in the main area.',
  autoStart: true,
  requires: [IOscarChannel],
  optional: [IOscarModel, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    channel: IOscarChannel,
    model: IOscarModel | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = words(translator);
    const describedBy = described({
      cluster: common(trans).cluster,
      service: trans.__('The service that was called'),
      id: trans.__('The call; otherwise the selected one')
    });
    const tracker = new WidgetTracker<MainAreaWidget<LogView>>({
      namespace: 'jupyter-oscar-log'
    });
    const args = new WeakMap<MainAreaWidget<LogView>, Private.IArgs>();

    /** The call that is named, or the selected or newest one. */
    const named = (given: ReadonlyPartialJSONObject): Private.IArgs | null => {
      const { service, id, cluster } = {
        cluster: model?.current,
        ...(model?.selectedCall ?? model?.calls.rows?.[0]),
        ...given
      } as Partial<Private.IArgs>;
      return cluster && service && id ? { cluster, service, id } : null;
    };

    app.commands.addCommand(CommandIDs.openLog, {
      label: trans.__('Open Log'),
      caption: trans.__('Read the log of a call while it grows'),
      describedBy,
      isEnabled: given => !!given.id || !model || !!model.calls.rows?.length,
      execute: async given => {
        const call = named(given);
        if (!call) {
          return;
        }
        const { cluster, service, id } = call;
        const key = `jupyter-oscar-log:${cluster}/${service}/${id}`;
        let widget = tracker.find(({ id }) => id === key);
        if (!widget) {
          const { LogView } = await import('./view');
          const content = new LogView({ channel, trans });
          content.name = `${service}-${id}.log`;
          content.follow(`log/${cluster}/${service}/${id}`);
          widget = new MainAreaWidget({ content });
          widget.id = key;
          widget.title.label = trans.__('Log of %1', service);
          widget.title.caption = `${service}/${id} · ${cluster}`;
          widget.toolbar.hide();
          args.set(widget, { cluster, service, id });
          await tracker.add(widget);
          app.shell.add(widget, 'main');
        }
        app.shell.activateById(widget.id);
        return widget;
      }
    });

    app.commands.addCommand(Private.copyReference, {
      label: trans.__('Copy Reference'),
      caption: trans.__('Copy what a cell finds the call by'),
      describedBy,
      isEnabled: args => !!named(args),
      execute: args => {
        const call = named(args);
        if (call) {
          Clipboard.copyToSystem(`${call.service}/${call.id}`);
        }
      }
    });

    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openLog,
        args: widget => ({ ...args.get(widget) }),
        name: widget => widget.id
      });
    }
    palette?.addItem({
      command: CommandIDs.openLog,
      category: trans.__('OSCAR')
    });
  }
};

namespace Private {
  export const copyReference = 'jupyter-oscar:copy-reference';

  export interface IArgs {
    cluster: string;
    service: string;
    id: string;
  }
}
