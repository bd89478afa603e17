import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import { Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { ago, word } from '../../format';
import { ServiceModel } from '../../services/page/model';
import { IOscarChannel } from '../../tokens';
import { LogView } from '../log/view';
import { waiting } from './calls';

/** So many calls can be picked from; the list has them all. */
const PICKED = 100;

/** The log of the selected call of a service, alone. */
export class LogPanel extends Panel {
  constructor(private readonly options: LogPanel.IOptions) {
    super();
    const { model, channel, trans } = options;
    this.addClass('jp-OscarLogPanel');
    this._log = new LogView({ channel, trans });
    this._picker = ReactWidget.create(
      <UseSignal signal={model.changed}>
        {() => <Picker model={model} trans={trans} />}
      </UseSignal>
    );
    this._picker.addClass('jp-OscarLogPanel-picker');
    this.addWidget(this._picker);
    this.addWidget(this._log);
    this._log.begun.connect(() => {
      if (model.selected) {
        model.started(model.selected.id);
      }
    });
    model.changed.connect(this._update, this);
    this._update();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.options.model.changed.disconnect(this._update, this);
      super.dispose();
    }
  }

  private _update(): void {
    const { model, trans } = this.options;
    const exposed = model.detail?.kind === 'exposed';
    this._picker.setHidden(exposed);
    if (exposed) {
      this._log.name = `${model.name}.log`;
      this._log.follow(`deployment-log/${model.cluster}/${model.name}`);
      this._log.state = model.detail?.state ?? '';
      this._log.waiting =
        model.detail?.state === 'stopped'
          ? trans.__('It is stopped, so it says nothing.')
          : trans.__('It has said nothing yet.');
      this._log.setHidden(false);
      return;
    }
    const call = model.selected;
    if (call) {
      this._log.name = `${call.service}-${call.id}.log`;
      this._log.follow(`log/${model.cluster}/${call.service}/${call.id}`);
      this._log.instead = call.lines;
      this._log.state = call.state;
      this._log.failed = call.state === 'failed';
      this._log.waiting = waiting(call, model, trans);
    }
    this._log.setHidden(!call);
  }

  private readonly _log: LogView;
  private readonly _picker: Widget;
}

export namespace LogPanel {
  export interface IOptions {
    model: ServiceModel;
    channel: IOscarChannel;
    trans: TranslationBundle;
  }
}

function Picker(props: {
  model: ServiceModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  const { calls, callsProblem, selected } = model;
  if (!calls || !selected) {
    return (
      <p className="jp-OscarEmpty">
        {calls
          ? trans.__('No calls in the last day, so there is no log.')
          : (callsProblem?.message ?? '')}
      </p>
    );
  }
  const some = calls.slice(0, PICKED);
  return (
    <label>
      <span>{trans.__('Call')}</span>
      <select
        className="jp-OscarSelect"
        value={selected.id}
        onChange={({ target: { value } }) => {
          model.select(value);
        }}
      >
        {(some.includes(selected) ? some : [...some, selected]).map(call => (
          <option key={call.id} value={call.id}>
            {[
              word(call.state, trans),
              call.name || call.id,
              ago(call.created, trans)
            ].join(' · ')}
          </option>
        ))}
      </select>
    </label>
  );
}
