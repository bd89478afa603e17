import { Notification } from '@jupyterlab/apputils';
import { refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../button';
import { FilterField, filterKey } from '../filter';
import { number } from '../format';
import { useChanged } from '../hooks';
import { ProblemNotice, Skeleton } from '../states';
import { Grid } from '../table/grid';
import { columnsOf, entryName, pathOf } from './entries';
import { Nothing } from './nothing';
import type { FolderView } from './table';

/** A folder of a bucket as it is drawn. */
export function View(
  props: FolderView.IOptions & { view: FolderView }
): React.JSX.Element {
  const { trans, view } = props;
  useChanged(view.told);
  useChanged(view.moved);
  const columns = React.useMemo(() => columnsOf(trans), [trans]);
  useChanged(view.starts.changed);
  const { entries, problem, starts } = view;
  const toRows = (): void => {
    view.node.querySelector<HTMLElement>('[role="grid"]')?.focus();
  };
  return (
    <div
      className="jp-OscarList"
      onKeyDown={event => {
        if (filterKey(event, starts, event.currentTarget)) {
          if (!starts.shown) {
            toRows();
          }
        } else if (
          event.key === 'Backspace' &&
          !(event.target as Element).matches('input')
        ) {
          view.go(view.path.split('/').slice(0, -1).join('/'));
          event.preventDefault();
        }
      }}
    >
      <Bar {...props} />
      {starts.shown ? (
        <FilterField
          filter={starts}
          label={trans.__('Beginning of the name')}
          placeholder={trans.__('Name begins with')}
          onRows={toRows}
        />
      ) : null}
      {problem ? (
        <ProblemNotice
          problem={problem}
          trans={trans}
          onAgain={() => {
            view.refresh();
          }}
        />
      ) : null}
      {entries === undefined ? (
        problem ? null : (
          <Skeleton lines={6} label={trans.__('Loading')} />
        )
      ) : entries.length === 0 ? (
        <Nothing {...props} path={view.path} starts={starts.text} />
      ) : (
        <Grid
          label={trans.__('Objects')}
          trans={trans}
          className="jp-OscarObjectRow"
          dataOf={entry => ({ 'data-oscar-isdir': String(entry.isFolder) })}
          columns={columns}
          rows={entries}
          isPartial={view.more}
          onEnd={() => {
            view.next();
          }}
          keyOf={pathOf}
          nameOf={entryName}
          sort={view.sort}
          onSort={sort => {
            view.sort = sort;
            if (view.more) {
              Notification.info(
                trans.__(
                  'Only the %1 that are loaded are sorted. Scroll to the end for more.',
                  number(entries.length)
                ),
                { autoClose: 5000 }
              );
            }
            view.tell();
          }}
          selected={view.selected}
          onSelect={entry => {
            view.select(entry);
          }}
          onOpen={entry => {
            view.open(entry);
          }}
          onDelete={entry => {
            view.remove(entry);
          }}
        />
      )}
    </div>
  );
}

/** Where one is, how much is loaded, and what can be done. */
function Bar(
  props: FolderView.IOptions & { view: FolderView }
): React.JSX.Element {
  const { cluster, trans, view } = props;
  const parts = view.path.split('/').filter(Boolean);
  return (
    <div className="jp-OscarTable-bar">
      <nav className="jp-OscarFolderView-path" aria-label={trans.__('Folder')}>
        {[cluster, ...parts].map((part, index) => (
          <React.Fragment key={index}>
            {index > 0 ? <span aria-hidden> / </span> : null}
            <button
              type="button"
              className="jp-OscarLink"
              aria-current={index === parts.length ? 'page' : undefined}
              onClick={() => {
                view.go(parts.slice(0, index).join('/'));
              }}
            >
              {part}
            </button>
          </React.Fragment>
        ))}
      </nav>
      <span className="jp-OscarQuiet" role="status">
        {view.entries === undefined
          ? ''
          : view.more
            ? trans.__('first %1', number(view.entries.length))
            : number(view.entries.length)}
      </span>
      <span className="jp-OscarFill" />
      <IconButton
        icon={searchIcon}
        label={trans.__('Filter (/)')}
        onClick={() => {
          view.starts.toggle();
        }}
      />
      <IconButton
        icon={refreshIcon}
        label={trans.__('Look again now')}
        onClick={() => {
          view.refresh();
        }}
      />
    </div>
  );
}
