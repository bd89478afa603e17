import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { word } from '../format';
import { Filter } from '../filter';
import { List } from '../lists';
import { useService } from '../selection';
import { Name, StateSign } from '../states';
import { Grid, IColumn, ISort } from '../table/grid';
import { CommandIDs, IOscarModel } from '../tokens';
import { ServiceRow } from '../types';
import { dragCell } from './drag';
import { NoServices } from './section';
import { snippet } from './snippet';

/** Every service of the current cluster with all that the list knows of it. */
export function ServicesTable(props: ServicesTable.IProps): React.JSX.Element {
  const { commands, model, trans } = props;
  const { selected, select, run } = useService(props);
  const columns = React.useMemo(() => Private.columns(trans), [trans]);
  return (
    <List
      live={model.services}
      model={model}
      trans={trans}
      filter={props.filter}
      textOf={row =>
        columns.map(column => word(String(column.value(row)), trans)).join(' ')
      }
      lines={6}
      empty={<NoServices commands={commands} trans={trans} />}
    >
      {rows => (
        <Grid
          label={trans.__('Services')}
          trans={trans}
          className="jp-OscarServiceRow"
          columns={columns}
          rows={rows}
          keyOf={Private.name}
          nameOf={Private.name}
          sort={props.sort}
          onSort={props.onSort}
          selected={selected}
          onSelect={select}
          onOpen={row => {
            run(CommandIDs.openService, row);
          }}
          onDelete={row => {
            run(CommandIDs.deleteService, row);
          }}
          onPress={(row, event) => {
            if (model.current !== undefined) {
              dragCell(event, event.currentTarget, snippet(model.current, row));
            }
          }}
        />
      )}
    </List>
  );
}

export namespace ServicesTable {
  export interface IProps {
    commands: CommandRegistry;
    filter: Filter;
    model: IOscarModel;
    sort: ISort;
    onSort: (sort: ISort) => void;
    trans: TranslationBundle;
  }
}

namespace Private {
  export function name(row: ServiceRow): string {
    return row.name;
  }

  export function columns(trans: TranslationBundle): IColumn<ServiceRow>[] {
    const text = (
      id: 'name' | 'image' | 'owner',
      label: string,
      width: number,
      grow: number
    ): IColumn<ServiceRow> => ({
      id,
      label,
      width,
      grow,
      value: row => row[id],
      cell: row => <Name text={row[id]} />
    });
    const spoken = (
      id: 'kind' | 'visibility',
      label: string,
      width: number
    ): IColumn<ServiceRow> => ({
      id,
      label,
      width,
      value: row => row[id],
      cell: row => word(row[id], trans)
    });
    const paths = (
      id: 'inputs' | 'outputs',
      label: string
    ): IColumn<ServiceRow> => ({
      id,
      label,
      width: 90,
      grow: 2,
      value: row => row[id].join(', '),
      cell: row => <Name text={row[id].join(', ')} />
    });
    return [
      text('name', trans.__('Name'), 110, 3),
      spoken('kind', trans.__('Kind'), 64),
      {
        id: 'state',
        label: trans.__('State'),
        width: 84,
        value: row => row.state || null,
        cell: row =>
          row.state ? (
            <>
              <StateSign state={row.state} /> {word(row.state, trans)}
            </>
          ) : null
      },
      spoken('visibility', trans.__('Seen by'), 72),
      text('image', trans.__('Image'), 110, 3),
      text('owner', trans.__('Owner'), 64, 1),
      paths('inputs', trans.__('In')),
      paths('outputs', trans.__('Out'))
    ];
  }
}
