import { CommandRegistry } from '@lumino/commands';

import { useChanged } from './hooks';
import { IOscarModel } from './tokens';
import { CallRow, ServiceRow } from './types';

/** The selected service wherever it is listed, and commands on a row. */
export function useService(props: IProps): ISelection<ServiceRow> {
  useChanged(props.model.selectionChanged);
  return Private.selection(props, props.model.selectedService, row => {
    props.model.select({ service: row.name });
    return { service: row.name };
  });
}

/** The selected call wherever it is listed, and commands on a row. */
export function useCall(props: IProps): ISelection<CallRow> {
  useChanged(props.model.selectionChanged);
  return Private.selection(
    props,
    props.model.selectedCall?.id,
    ({ service, id }) => {
      props.model.select({ service, id });
      return { service, id };
    }
  );
}

export interface ISelection<T> {
  /** The key of the selected row. */
  selected: string | undefined;
  select: (row: T) => void;
  /** Select the row and run a command on it, if there is such a command. */
  run: (command: string, row: T) => void;
}

interface IProps {
  commands: CommandRegistry;
  model: IOscarModel;
}

namespace Private {
  export function selection<T>(
    { commands, model }: IProps,
    selected: string | undefined,
    select: (row: T) => { service: string; id?: string }
  ): ISelection<T> {
    return {
      selected,
      select,
      run: (command, row) => {
        const args = select(row);
        if (commands.hasCommand(command)) {
          void commands.execute(command, {
            ...args,
            cluster: model.current ?? null
          });
        }
      }
    };
  }
}
