import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { duration, size, span, word } from '../format';
import { useTick } from '../hooks';
import { Filter } from '../filter';
import { List } from '../lists';
import { useCall } from '../selection';
import { Name, State } from '../states';
import { Grid, IColumn, ISort } from '../table/grid';
import { CommandIDs, GOING, IOscarModel } from '../tokens';
import { CallRow } from '../types';
import { Ago } from './section';

/** The calls of the last day with all that the list knows of them. */
export function CallsTable(props: CallsTable.IProps): React.JSX.Element {
  const { model, trans } = props;
  const { selected, select, run } = useCall(props);
  const columns = React.useMemo(() => Private.columns(trans), [trans]);
  return (
    <List
      live={model.calls}
      model={model}
      trans={trans}
      filter={props.filter}
      textOf={row =>
        [row.service, row.name, word(row.state, trans), ...row.outputs].join(
          ' '
        )
      }
      lines={6}
      empty={
        <p className="jp-OscarList-none jp-OscarQuiet">
          {trans.__('No calls in the last day.')}
        </p>
      }
    >
      {rows => (
        <Grid
          label={trans.__('Calls')}
          trans={trans}
          className="jp-OscarCallRow"
          columns={columns}
          rows={rows}
          keyOf={Private.id}
          nameOf={Private.service}
          sort={props.sort}
          onSort={props.onSort}
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
        />
      )}
    </List>
  );
}

export namespace CallsTable {
  export interface IProps {
    commands: CommandRegistry;
    filter: Filter;
    model: IOscarModel;
    sort: ISort;
    onSort: (sort: ISort) => void;
    trans: TranslationBundle;
  }
}

/** How long it ran, or has been under way. */
function Lasted(props: {
  row: CallRow;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { row, trans } = props;
  const going = GOING.includes(row.state);
  useTick(1000, going);
  if (row.seconds !== null) {
    return <>{duration(row.seconds, trans)}</>;
  }
  return going ? <>{span(Date.now() / 1000 - row.created, trans)}</> : null;
}

namespace Private {
  export function id(row: CallRow): string {
    return row.id;
  }

  export function service(row: CallRow): string {
    return row.service;
  }

  export function columns(trans: TranslationBundle): IColumn<CallRow>[] {
    return [
      {
        id: 'state',
        label: trans.__('State'),
        width: 90,
        value: row => row.state,
        cell: row => <State state={row.state} trans={trans} />
      },
      {
        id: 'service',
        label: trans.__('Service'),
        width: 100,
        grow: 2,
        value: row => row.service,
        cell: row => <Name text={row.service} />
      },
      {
        id: 'input',
        label: trans.__('Input'),
        width: 110,
        grow: 3,
        value: row => row.name,
        cell: row => <Name text={row.name} />
      },
      {
        id: 'size',
        label: trans.__('Size'),
        width: 64,
        isNumber: true,
        value: row => row.size,
        cell: row => (row.size === null ? null : size(row.size))
      },
      {
        id: 'started',
        label: trans.__('Called'),
        width: 92,
        isNumber: true,
        value: row => row.created,
        cell: row => <Ago row={row} trans={trans} />
      },
      {
        id: 'duration',
        label: trans.__('Duration'),
        width: 80,
        isNumber: true,
        value: row => row.seconds,
        cell: row => <Lasted row={row} trans={trans} />
      },
      {
        id: 'exit',
        label: trans.__('Exit'),
        width: 36,
        isNumber: true,
        value: row => row.exit_code,
        cell: row =>
          row.exit_code ? (
            <span className="jp-mod-error">{row.exit_code}</span>
          ) : (
            row.exit_code
          )
      },
      {
        id: 'outputs',
        label: trans.__('Outputs'),
        width: 110,
        grow: 3,
        value: row => row.outputs.join(', '),
        cell: row => <Name text={row.outputs.join(', ')} />
      }
    ];
  }
}
