import { ellipsesIcon, LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { step } from './keys';

/**
 * A list of things, one line each, as a grid for readers: arrows go through it,
 * Enter opens, Space selects, Delete asks, the context-menu key works. What a
 * refresh leaves in place keeps its focus and its selection.
 */
export function Rows<T>(props: Rows.IProps<T>): React.JSX.Element {
  const { rows, keyOf, selected } = props;
  const grid = React.useRef<HTMLDivElement>(null);
  const [active, setActive] = React.useState<string | undefined>(selected);
  // The row that had the focus, by place, should it go away.
  const focused = React.useRef(-1);

  const keys = rows.map(keyOf);
  const stop = keys.includes(active ?? '') ? active : keys.at(0);

  React.useLayoutEffect(() => {
    const lines = grid.current ? Private.lines(grid.current) : [];
    const { activeElement } = document;
    const here = lines.findIndex(line => line.contains(activeElement));
    if (here >= 0) {
      // Where it is now: rows may have come above it.
      focused.current = here;
    } else if (focused.current >= 0 && activeElement === document.body) {
      lines.at(Math.min(focused.current, lines.length - 1))?.focus();
    }
  });

  const go = (index: number): void => {
    const lines = grid.current ? Private.lines(grid.current) : [];
    lines.at(index)?.focus();
  };

  const onKeyDown = (
    event: React.KeyboardEvent,
    row: T,
    index: number
  ): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const to = step(event.key, index, rows.length);
    const own = event.target === event.currentTarget;
    const open = props.isOpen?.(row);
    switch (event.key) {
      case 'ArrowRight':
        if (open === false) {
          props.onToggle?.(row);
        } else {
          Private.nextAction(event.currentTarget, 1);
        }
        break;
      case 'ArrowLeft':
        if (own && open) {
          props.onToggle?.(row);
        } else {
          Private.nextAction(event.currentTarget, -1);
        }
        break;
      case 'Enter':
        if (!own) {
          return;
        }
        props.onOpen(row);
        break;
      case ' ':
        if (!own) {
          return;
        }
        props.onSelect(row);
        break;
      case 'Delete':
        props.onDelete?.(row);
        break;
      case 'Escape':
        if (own) {
          return;
        }
        (event.currentTarget as HTMLElement).focus();
        break;
      default:
        if (to === undefined) {
          return;
        }
        go(to);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      className="jp-OscarRows"
      ref={grid}
      role="treegrid"
      aria-label={props.label}
      aria-rowcount={rows.length}
      onBlur={event => {
        // A row that vanishes blurs without a successor, and is not forgotten.
        if (event.relatedTarget) {
          focused.current = -1;
        }
      }}
    >
      {rows.map((row, index) => {
        const key = keys[index];
        const open = props.isOpen?.(row);
        return (
          <div
            className={`jp-OscarRow ${props.className} ${key === selected ? 'jp-mod-selected' : ''}`}
            key={key}
            role="row"
            aria-level={1}
            aria-rowindex={index + 1}
            aria-selected={key === selected}
            aria-expanded={open}
            data-oscar-key={key}
            tabIndex={key === stop ? 0 : -1}
            onFocus={() => {
              focused.current = index;
              setActive(key);
            }}
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
            onKeyDown={event => {
              onKeyDown(event, row, index);
            }}
          >
            {props.children(row)}
          </div>
        );
      })}
    </div>
  );
}

export namespace Rows {
  export interface IProps<T> {
    label: string;
    /** The class of one row, for context menus. */
    className: string;
    rows: readonly T[];
    keyOf: (row: T) => string;
    selected: string | undefined;
    onSelect: (row: T) => void;
    onOpen: (row: T) => void;
    onDelete?: (row: T) => void;
    /** Whether a row is open; without this rows do not open in place. */
    isOpen?: (row: T) => boolean;
    onToggle?: (row: T) => void;
    /** The mouse went down on a row: perhaps a drag begins. */
    onPress?: (row: T, event: React.MouseEvent<HTMLElement>) => void;
    children: (row: T) => React.ReactNode;
  }
}

/** What can be done with a row, reached with →; within its actions seen on hover and focus. */
export function Action(props: Action.IProps): React.JSX.Element {
  return (
    <button
      type="button"
      className={`jp-OscarRow-action ${props.text === undefined ? '' : 'jp-mod-text'}`}
      tabIndex={-1}
      title={props.label}
      aria-label={props.label}
      disabled={props.disabled}
      onClick={event => {
        event.stopPropagation();
        props.onClick(event);
      }}
      onDoubleClick={event => {
        event.stopPropagation();
      }}
      onMouseDown={event => {
        event.stopPropagation();
      }}
    >
      {props.text ?? <props.icon.react tag="span" width="14px" height="14px" />}
    </button>
  );
}

export namespace Action {
  export interface IProps {
    icon: LabIcon;
    label: string;
    /** Said instead of drawn: the one thing to be done next. */
    text?: string;
    disabled?: boolean;
    onClick: (event: React.MouseEvent<HTMLElement>) => void;
  }
}

/** The context menu of a row by mouse or key, where its button is. */
export function More(props: { label: string }): React.JSX.Element {
  return (
    <Action
      icon={ellipsesIcon}
      label={props.label}
      onClick={event => {
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        event.currentTarget.dispatchEvent(
          new MouseEvent('contextmenu', {
            bubbles: true,
            cancelable: true,
            clientX: left,
            clientY: bottom
          })
        );
      }}
    />
  );
}

namespace Private {
  export function lines(grid: HTMLElement): HTMLElement[] {
    return [...grid.querySelectorAll<HTMLElement>(':scope > [role="row"]')];
  }

  /** Focus the action beside the focused one, or the row itself before the first. */
  export function nextAction(row: EventTarget, step: number): void {
    const line = row as HTMLElement;
    const actions = [
      ...line.querySelectorAll<HTMLElement>('.jp-OscarRow-action:enabled')
    ];
    const here = actions.indexOf(document.activeElement as HTMLElement);
    const next = here + step;
    if (next < 0) {
      line.focus();
    } else {
      actions.at(Math.min(next, actions.length - 1))?.focus();
    }
  }
}
