import { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon, stopIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { ago, duration, exactly, span, word } from '../format';
import { useChanged, useTick } from '../hooks';
import { Filter } from '../filter';
import { List } from '../lists';
import { Action, More, Rows } from '../rows';
import { useCall } from '../selection';
import { Name, StateSign } from '../states';
import { CommandIDs, GOING, IOscarModel } from '../tokens';
import { CallRow } from '../types';

/** The calls of the last day, newest first. */
export function CallsSection(props: CallsSection.IProps): React.JSX.Element {
  const { filter, model, trans } = props;
  const { selected, select, run } = useCall(props);

  return (
    <List
      live={model.calls}
      model={model}
      trans={trans}
      filter={filter}
      textOf={row => [row.service, row.name, row.state].join(' ')}
      lines={3}
      empty={
        <p className="jp-OscarList-none jp-OscarQuiet">
          {trans.__('No calls in the last day.')}
        </p>
      }
    >
      {rows => (
        <Rows
          label={trans.__('Calls')}
          className="jp-OscarCallRow"
          rows={rows}
          keyOf={row => row.id}
          selected={selected}
          onSelect={select}
          onOpen={row => {
            run(CommandIDs.openLog, row);
          }}
          onDelete={row => {
            if (GOING.includes(row.state)) {
              run(CommandIDs.cancelCall, row);
            }
          }}
        >
          {row => (
            <div
              className="jp-OscarRow-line"
              role="gridcell"
              title={trans.__(
                '%1: %2, called %3',
                word(row.state, trans),
                row.name || row.id,
                exactly(row.created)
              )}
            >
              <StateSign state={row.state} label={word(row.state, trans)} />
              <Name text={row.service} className="jp-mod-main" />
              <span className="jp-OscarRow-about jp-OscarQuiet">
                <Name text={row.name} />
              </span>
              <span className="jp-OscarRow-wide jp-OscarQuiet">
                <Ago row={row} trans={trans} />
              </span>
              <span className="jp-OscarRow-end jp-mod-number">
                <Verdict row={row} trans={trans} />
              </span>
              <span className="jp-OscarRow-actions">
                {GOING.includes(row.state) ? (
                  <Action
                    icon={stopIcon}
                    label={trans.__('Cancel %1', row.service)}
                    onClick={() => {
                      run(CommandIDs.cancelCall, row);
                    }}
                  />
                ) : (
                  <Action
                    icon={refreshIcon}
                    label={trans.__('Retry %1', row.service)}
                    onClick={() => {
                      run(CommandIDs.retryCall, row);
                    }}
                  />
                )}
                <More label={trans.__('More on %1', row.service)} />
              </span>
            </div>
          )}
        </Rows>
      )}
    </List>
  );
}

export namespace CallsSection {
  export interface IProps {
    commands: CommandRegistry;
    filter: Filter;
    model: IOscarModel;
    trans: TranslationBundle;
  }
}

/** How it stands with a call, in the fewest words. */
function Verdict(props: {
  row: CallRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { row, trans } = props;
  const running = GOING.includes(row.state);
  useTick(1000, running);
  if (running) {
    const passed = Math.max(0, Math.floor(Date.now() / 1000 - row.created));
    return (
      <span className="jp-OscarQuiet">
        {trans.__('%1 %2', word(row.state, trans), span(passed, trans))}
      </span>
    );
  }
  if (row.state === 'failed' && row.exit_code !== null) {
    return (
      <span className="jp-mod-error">{trans.__('exit %1', row.exit_code)}</span>
    );
  }
  if (row.state === 'done' && row.seconds !== null) {
    return (
      <span className="jp-OscarQuiet">{duration(row.seconds, trans)}</span>
    );
  }
  return <span className="jp-OscarQuiet">{word(row.state, trans)}</span>;
}

/** When it was called. */
export function Ago(props: {
  row: CallRow;
  trans: TranslationBundle;
}): React.JSX.Element {
  useTick(10_000, true);
  return (
    <time title={exactly(props.row.created)}>
      {ago(props.row.created, props.trans)}
    </time>
  );
}

/** Says the ends of calls to those who do not see them; progress is not said. */
export function Announcer(props: {
  model: IOscarModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  useChanged(model.calls.changed);
  const going = React.useRef<ReadonlySet<string>>(new Set());
  const [said, say] = React.useState('');
  const rows = model.calls.rows;
  React.useEffect(() => {
    const ended = rows?.filter(
      row => going.current.has(row.id) && !GOING.includes(row.state)
    );
    going.current = new Set(
      rows?.filter(row => GOING.includes(row.state)).map(row => row.id)
    );
    const first = ended?.at(0);
    if (first && ended) {
      say(
        ended.length === 1
          ? trans.__(
              '%1 %2: %3',
              first.service,
              first.name,
              word(first.state, trans)
            )
          : trans._n('1 call ended', '%1 calls ended', ended.length)
      );
    }
  }, [rows, trans]);
  return (
    <div className="jp-OscarSr" role="status" aria-live="polite">
      {said}
    </div>
  );
}
