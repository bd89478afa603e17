import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Filter, FilterField, filterKey } from './filter';
import { span } from './format';
import { useChanged, useTick } from './hooks';
import { ProblemNotice, Skeleton } from './states';
import { ILive, IOscarModel } from './tokens';
import { Problem } from './types';

/** A list with its filter, and what is said when it is empty, old, or did not come. */
export function List<T>(props: List.IProps<T>): React.JSX.Element {
  const { filter, live, model, trans } = props;
  useChanged(live.changed);
  useChanged(filter.changed);
  useTick(1000, live.problem !== undefined);
  const box = React.useRef<HTMLDivElement>(null);
  const shown = filter.shown;

  const { rows } = live;
  const said = filter.text.trim().toLowerCase();
  const found =
    said === '' || !shown
      ? rows
      : rows?.filter(row => props.textOf(row).toLowerCase().includes(said));

  const toRows = (): void => {
    box.current
      ?.querySelector<HTMLElement>('[role="grid"], [role="row"][tabindex="0"]')
      ?.focus();
  };

  return (
    <div
      className="jp-OscarList"
      ref={box}
      onKeyDown={event => {
        if (filterKey(event, filter, event.currentTarget) && !filter.shown) {
          toRows();
        }
      }}
    >
      {shown ? (
        <FilterField filter={filter} label={trans.__('Filter')} onRows={toRows}>
          {said && rows ? (
            <span className="jp-OscarQuiet jp-OscarList-count">
              {trans.__('%1 of %2', found?.length ?? 0, rows.length)}
            </span>
          ) : null}
        </FilterField>
      ) : null}
      <Trouble live={live} model={model} trans={trans} />
      {found === undefined ? (
        live.problem ? null : (
          <Skeleton lines={props.lines} label={trans.__('Loading')} />
        )
      ) : rows?.length === 0 ? (
        props.empty
      ) : found.length === 0 ? (
        <p className="jp-OscarList-none jp-OscarQuiet">
          {trans.__('Nothing fits "%1".', filter.text.trim())}
        </p>
      ) : (
        props.children(found)
      )}
    </div>
  );
}

export namespace List {
  export interface IProps<T> {
    live: ILive<T>;
    model: IOscarModel;
    trans: TranslationBundle;
    filter: Filter;
    /** What the filter looks in. */
    textOf: (row: T) => string;
    /** How many lines will probably come. */
    lines: number;
    empty: React.ReactNode;
    children: (rows: readonly T[]) => React.ReactNode;
  }
}

/** How old a list is, or why it did not come. */
function Trouble(props: {
  live: ILive<unknown>;
  model: IOscarModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { live, model, trans } = props;
  if (!live.problem) {
    return null;
  }
  if (live.rows) {
    const passed = (Date.now() - (live.since ?? Date.now())) / 1000;
    // A moment's trouble is not worth a word.
    if (passed < Private.OLD) {
      return null;
    }
    const age = span(passed, trans);
    return (
      <p
        className="jp-OscarList-old jp-OscarQuiet"
        title={live.problem.message}
      >
        {Private.isBusy(live.problem)
          ? trans.__('OSCAR is busy; the list is %1 old.', age)
          : trans.__('The list is %1 old.', age)}
      </p>
    );
  }
  // What ails the whole cluster is said in its own section.
  const row = model.currentRow;
  if (
    row &&
    (row.state !== 'ok' || row.storage_problem?.code === live.problem.code)
  ) {
    return null;
  }
  return (
    <ProblemNotice
      problem={live.problem}
      trans={trans}
      onAgain={() => {
        live.refresh();
      }}
    />
  );
}

namespace Private {
  /** Seconds after which the age of a list is said. */
  export const OLD = 5;

  export function isBusy(problem: Problem): boolean {
    return (
      problem.code === 'timed-out' ||
      [429, 503].includes(problem.upstream_status ?? 0)
    );
  }
}
