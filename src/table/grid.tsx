import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { step } from '../keys';
import { More } from '../rows';

const ROW = 28;
/** Rows above and below those in sight. */
const SPARE = 10;

/** Pixels between columns, and of the column that holds the button. */
const GAP = 12;
const MORE = 28;

/** What a table is sorted by. */
export interface ISort {
  column: string;
  descending: boolean;
}

export interface IColumn<T> {
  id: string;
  label: string;
  /** Its least width in pixels. */
  width: number;
  /** Its share of what is left over; without it it does not grow. */
  grow?: number;
  /** Numbers stand right. */
  isNumber?: boolean;
  /** What it is sorted by; null stands last either way. */
  value: (row: T) => string | number | null;
  /** What it shows, if not its value. */
  cell?: (row: T) => React.ReactNode;
}

/**
 * A table of which the page holds only the rows in sight. Its headers sort; arrows
 * go through it, Enter opens, Delete asks, the context-menu key works. (Core's own
 * table sorts by mouse alone and draws every row; its windowed list wants a
 * widget for each.)
 */
export function Grid<T>(props: Grid.IProps<T>): React.JSX.Element {
  const { columns, keyOf, selected, sort } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const id = React.useId();
  const [place, setPlace] = React.useState({ top: 0, height: 600 });
  const rows = React.useMemo(
    () => Private.sorted(props.rows, columns, sort, keyOf),
    [props.rows, columns, sort, keyOf]
  );
  const at = rows.findIndex(row => keyOf(row) === selected);
  const first = Math.max(0, Math.floor(place.top / ROW) - SPARE);
  const last = Math.ceil((place.top + place.height) / ROW) + SPARE;

  const { onEnd } = props;
  const isAtEnd = last >= rows.length;
  const count = rows.length;
  React.useEffect(() => {
    if (isAtEnd) {
      onEnd?.();
    }
    // Each time anew that more has come and the end is still in sight.
  }, [isAtEnd, count]);

  React.useEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const watch = new ResizeObserver(() => {
      setPlace({ top: node.scrollTop, height: node.clientHeight });
    });
    watch.observe(node);
    // Whoever opened the table means its rows, which come later.
    if (document.activeElement?.matches('.jp-OscarTableView')) {
      node.focus();
    }
    return () => {
      watch.disconnect();
    };
  }, []);

  const go = (to: number): void => {
    const node = host.current;
    if (!node) {
      return;
    }
    props.onSelect(rows[to]);
    // The header lies over the first row in sight.
    const end = (to + 2) * ROW - node.clientHeight;
    node.scrollTop = Math.min(to * ROW, Math.max(end, node.scrollTop));
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (
      event.target !== host.current ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    ) {
      return;
    }
    const page = Math.max(1, Math.floor(place.height / ROW) - 2);
    const to = step(event.key, at, rows.length, page);
    const row = rows.at(at);
    if (to !== undefined) {
      go(to);
    } else if (at < 0 || !row) {
      return;
    } else if (event.key === 'Enter') {
      props.onOpen(row);
    } else if (event.key === 'Delete') {
      props.onDelete(row);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  /** Asked by key it is the selected row's, wherever the mouse is. */
  const onContextMenu = (event: React.MouseEvent): void => {
    if (event.target !== host.current) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const line = document.getElementById(`${id}-${at}`);
    if (line) {
      const { left, bottom } = line.getBoundingClientRect();
      line.dispatchEvent(
        new MouseEvent('contextmenu', {
          bubbles: true,
          cancelable: true,
          clientX: left + 8,
          clientY: bottom
        })
      );
    }
  };

  const tracks = columns.map(({ grow, width }) =>
    grow ? `minmax(${width}px, ${grow}fr)` : `${width}px`
  );
  const least = columns.reduce((sum, { width }) => sum + width + GAP, MORE);
  return (
    <div
      ref={host}
      className="jp-OscarTable"
      role="grid"
      aria-label={props.label}
      aria-rowcount={props.isPartial ? -1 : rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={at < 0 ? undefined : `${id}-${at}`}
      tabIndex={0}
      style={
        {
          '--jp-oscar-tracks': [...tracks, `${MORE}px`].join(' '),
          '--jp-oscar-least': `${least}px`
        } as React.CSSProperties
      }
      onKeyDown={onKeyDown}
      onContextMenu={onContextMenu}
      onScroll={({ currentTarget: { scrollTop, clientHeight } }) => {
        setPlace({ top: scrollTop, height: clientHeight });
      }}
    >
      <div
        className="jp-OscarTable-line jp-OscarTable-head"
        role="row"
        aria-rowindex={1}
      >
        {columns.map(column => (
          <Header {...props} column={column} key={column.id} />
        ))}
      </div>
      <div role="presentation" style={{ height: first * ROW }} />
      {rows.slice(first, last).map((row, index) => {
        const key = keyOf(row);
        return (
          <div
            className={`jp-OscarTable-line jp-OscarTable-row ${props.className} ${key === selected ? 'jp-mod-selected' : ''}`}
            key={key}
            id={`${id}-${first + index}`}
            data-oscar-key={key}
            {...props.dataOf?.(row)}
            role="row"
            aria-rowindex={first + index + 2}
            aria-selected={key === selected}
            onClick={() => {
              props.onSelect(row);
            }}
            onContextMenu={() => {
              props.onSelect(row);
            }}
            onDoubleClick={() => {
              props.onOpen(row);
            }}
            onMouseDown={event => {
              if (event.button === 0) {
                props.onPress?.(row, event);
              }
            }}
          >
            {columns.map(column => (
              <span
                className={`jp-OscarTable-cell ${column.isNumber ? 'jp-mod-number' : ''}`}
                key={column.id}
                role="gridcell"
              >
                {column.cell ? column.cell(row) : column.value(row)}
              </span>
            ))}
            <span className="jp-OscarTable-more" role="gridcell">
              <More label={props.trans.__('More on %1', props.nameOf(row))} />
            </span>
          </div>
        );
      })}
      <div
        role="presentation"
        style={{ height: Math.max(0, rows.length - last) * ROW }}
      />
    </div>
  );
}

export namespace Grid {
  export interface IProps<T> {
    label: string;
    trans: TranslationBundle;
    /** The class of one row, for context menus. */
    className: string;
    columns: readonly IColumn<T>[];
    rows: readonly T[];
    keyOf: (row: T) => string;
    nameOf: (row: T) => string;
    sort: ISort;
    onSort: (sort: ISort) => void;
    selected: string | undefined;
    onSelect: (row: T) => void;
    onOpen: (row: T) => void;
    onDelete: (row: T) => void;
    /** Attributes of one row, for context menus. */
    dataOf?: (row: T) => Record<`data-${string}`, string>;
    /** Whether there are more rows than these. */
    isPartial?: boolean;
    /** The last rows come into sight. */
    onEnd?: () => void;
    /** The mouse went down on a row: perhaps a drag begins. */
    onPress?: (row: T, event: React.MouseEvent<HTMLElement>) => void;
  }
}

/** A header that sorts by its column, the other way when it already does. */
function Header<T>(
  props: Grid.IProps<T> & { column: IColumn<T> }
): React.JSX.Element {
  const { column, sort } = props;
  const isSorted = sort.column === column.id;
  const Caret = sort.descending ? caretDownIcon : caretUpIcon;
  return (
    <span
      role="columnheader"
      className={`jp-OscarTable-cell ${column.isNumber ? 'jp-mod-number' : ''}`}
      aria-sort={
        !isSorted ? undefined : sort.descending ? 'descending' : 'ascending'
      }
    >
      <button
        type="button"
        onClick={() => {
          props.onSort({
            column: column.id,
            descending: isSorted && !sort.descending
          });
        }}
      >
        {column.label}
        {isSorted ? (
          <Caret.react tag="span" width="14px" height="14px" />
        ) : null}
      </button>
    </span>
  );
}

namespace Private {
  export function sorted<T>(
    rows: readonly T[],
    columns: readonly IColumn<T>[],
    sort: ISort,
    keyOf: (row: T) => string
  ): readonly T[] {
    const column = columns.find(one => one.id === sort.column) ?? columns[0];
    const turn = sort.descending ? -1 : 1;
    return rows
      .map(row => ({ row, value: column.value(row) }))
      .sort(
        (a, b) =>
          Number(a.value === null) - Number(b.value === null) ||
          turn * compare(a.value, b.value) ||
          compare(keyOf(a.row), keyOf(b.row))
      )
      .map(({ row }) => row);
  }

  function compare(a: unknown, b: unknown): number {
    return typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  }
}
