import { ReactWidget } from '@jupyterlab/apputils';
import { Contents } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import { Menu, Panel } from '@lumino/widgets';
import * as React from 'react';

import { ServiceModel } from '../../services/page/model';
import { CommandIDs, GOING, IOscarChannel } from '../../tokens';
import { CallRow } from '../../types';
import { LogView } from '../log/view';
import { openCopy } from './copies';
import { CallList } from './list';
import { Outcome } from './outputs';

/** From this width on, a call's log and outputs stand beside the list. */
const WIDE = 900;
/** Below these widths a row says less: no bar, then no time. */
const NARROW = 560;
const NARROWER = 420;

/** The calls of a service and, beside or below, the one that is selected. */
export class CallsPanel extends Panel {
  constructor(private readonly options: CallsPanel.IOptions) {
    super();
    const { model, channel, trans } = options;
    this.addClass('jp-OscarCalls');
    this._log = new LogView({ channel, trans });
    const list = ReactWidget.create(
      <CallList
        model={model}
        trans={trans}
        menu={(call, x, y) => {
          this._open(call, x, y);
        }}
      />
    );
    list.addClass('jp-OscarCalls-left');
    const outcome = ReactWidget.create(
      <Outcome
        model={model}
        open={(call, output, fetch) => openCopy(options, call, output, fetch)}
        trans={trans}
      />
    );
    outcome.addClass('jp-OscarCalls-outcome');
    this._right.addClass('jp-OscarCalls-right');
    this._right.addWidget(outcome);
    this._right.addWidget(this._log);
    this.addWidget(list);
    this.addWidget(this._right);
    this._log.begun.connect(() => {
      if (model.selected) {
        model.started(model.selected.id);
      }
    });
    model.changed.connect(this._update, this);
    options.commands.commandExecuted.connect(this._onExecuted, this);
    this._update();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.options.model.changed.disconnect(this._update, this);
      this.options.commands.commandExecuted.disconnect(this._onExecuted, this);
      this._menu?.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    this._widen();
  }

  protected override onAfterAttach(msg: Message): void {
    this._widen();
  }

  protected override onResize(msg: Message): void {
    this._widen();
  }

  private _widen(): void {
    const { clientWidth } = this.node;
    const wide = clientWidth >= WIDE;
    const width = wide ? clientWidth / 2 : clientWidth;
    this.toggleClass('jp-mod-wide', wide);
    this.toggleClass('jp-mod-narrow', width < NARROW);
    this.toggleClass('jp-mod-narrower', width < NARROWER);
  }

  private _update(): void {
    const { model, trans } = this.options;
    const call = model.selected;
    this._right.setHidden(!call);
    if (call) {
      this._log.name = `${call.service}-${call.id}.log`;
      this._log.follow(`log/${model.cluster}/${call.service}/${call.id}`);
      this._log.instead = call.lines;
      this._log.state = call.state;
      this._log.failed = call.state === 'failed';
      this._log.waiting = waiting(call, model, trans);
    }
  }

  /** What was called again from a row here is selected here. */
  private _onExecuted(
    _: CommandRegistry,
    { id, args, result }: CommandRegistry.ICommandExecutedArgs
  ): void {
    const asked = args.cluster === this.options.model.cluster && args.id;
    if (id === CommandIDs.retryCall && asked && asked === this._asked) {
      this._asked = '';
      void result.then((row: CallRow | undefined) => {
        if (row) {
          this.options.model.add(row);
        }
      });
    }
  }

  /** What can be done with a call; most of it the application's commands. */
  private _open(call: CallRow, x: number, y: number): void {
    const { commands } = this.options;
    const { cluster } = this.options.model;
    const args = { cluster, service: call.service, id: call.id };
    this._asked = call.id;
    this._menu?.dispose();
    this._menu = new Menu({ commands });
    for (const command of [
      CommandIDs.openLog,
      CommandIDs.insertCell,
      CallsPanel.copyReference,
      GOING.includes(call.state) ? CommandIDs.cancelCall : CommandIDs.retryCall
    ]) {
      if (commands.hasCommand(command)) {
        this._menu.addItem({ command, args });
      }
    }
    const before = document.activeElement as HTMLElement | null;
    this._menu.aboutToClose.connect(() => {
      before?.focus();
    });
    this._menu.open(x, y);
  }

  private readonly _log: LogView;
  private readonly _right = new Panel();
  private _menu: Menu | undefined;
  /** The call whose menu was opened last. */
  private _asked = '';
}

export namespace CallsPanel {
  export const copyReference = 'jupyter-oscar:copy-reference';

  export interface IOptions {
    model: ServiceModel;
    channel: IOscarChannel;
    commands: CommandRegistry;
    contents: Contents.IManager;
    trans: TranslationBundle;
  }
}

/** Why a log is empty so far. */
export function waiting(
  call: CallRow,
  model: ServiceModel,
  trans: TranslationBundle
): string {
  if (call.state === 'queued' || call.state === 'pending') {
    return trans.__('It has not started.');
  }
  const level = /^\s*log_level:\s*"?(\w+)/m.exec(model.detail?.fdl ?? '')?.[1];
  if (!call.tracked && level !== 'DEBUG' && GOING.includes(call.state)) {
    return trans.__(
      'Its lines come when it ends: the service logs at %1.',
      level ?? 'INFO'
    );
  }
  return GOING.includes(call.state) ? trans.__('Nothing yet.') : '';
}
