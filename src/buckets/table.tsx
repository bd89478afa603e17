import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import {
  ReactWidget,
  refreshIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { problemOf } from '../errors';
import { number } from '../format';
import { useChanged } from '../hooks';
import { Notice, Skeleton, Step } from '../states';
import { BarButton } from '../table/bar';
import { Grid, ISort } from '../table/grid';
import { Problem } from '../types';
import { columnsOf, entriesOf, entryName, IEntry, pathOf } from './entries';
import { asFolder, toPlace } from './paths';
import {
  BucketCommandIDs,
  IBucketDrive,
  IOscarDrives,
  IStorage
} from './tokens';

/** Entries that are asked for at a time: as many as S3 gives. */
const PAGE = 1000;
/** Milliseconds after the last key before a filter is asked for. */
const TYPED = 250;

/** A folder of a bucket, page by page as one scrolls; of a hundred thousand objects only those in sight are drawn. */
export class FolderView extends ReactWidget {
  constructor(readonly options: FolderView.IOptions) {
    super();
    this.addClass('jp-OscarTableView');
    this.addClass('jp-OscarFolderView');
    this.node.tabIndex = -1;
    this._drive = options.drives.drive(options.cluster);
    this._drive.fileChanged.connect(this._onChange, this);
    this.go(options.path);
  }

  get path(): string {
    return this._path;
  }

  /** Another folder is shown. */
  get moved(): ISignal<this, void> {
    return this._moved;
  }

  get told(): ISignal<this, void> {
    return this._told;
  }

  entries: readonly IEntry[] | undefined;
  problem: Problem | undefined;
  more = false;
  starts = '';
  isFiltered = false;
  selected: string | undefined;
  sort: ISort = { column: 'name', descending: false };

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._typing);
    if (this.options.drives.selection?.node === this.node) {
      this.options.drives.selection = undefined;
    }
    super.dispose();
  }

  go(path: string): void {
    this._path = path;
    this.starts = '';
    this.isFiltered = false;
    this.selected = undefined;
    this.sort = { column: 'name', descending: false };
    this._moved.emit();
    this.refresh();
  }

  filter(text: string): void {
    this.starts = text;
    this._told.emit();
    window.clearTimeout(this._typing);
    this._typing = window.setTimeout(() => {
      this.refresh();
    }, TYPED);
  }

  select(entry: IEntry): void {
    this.selected = entry.path;
    this.options.drives.selection = {
      node: this.node,
      path: `${this._drive.name}:${entry.path}`,
      isFolder: entry.isFolder
    };
    this.options.commands.notifyCommandChanged();
    this._told.emit();
  }

  open(entry: IEntry): void {
    if (entry.isFolder) {
      this.go(entry.path);
    } else {
      void this.options.commands.execute('docmanager:open', {
        path: `${this._drive.name}:${entry.path}`
      });
    }
  }

  remove(entry: IEntry): void {
    this.select(entry);
    void this.options.commands.execute(BucketCommandIDs.deleteObject);
  }

  /** Show what has changed here. */
  tell(): void {
    this._told.emit();
  }

  /** List from the beginning. */
  refresh(): void {
    this._asked += 1;
    this._cursor = undefined;
    void this._load(this._asked, []);
  }

  /** The next page, if there is one and it is not on its way. */
  next(): void {
    if (this.more && !this._busy) {
      void this._load(this._asked, this.entries ?? []);
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    (
      this.node.querySelector<HTMLElement>('[role="grid"]') ?? this.node
    ).focus();
  }

  protected override render(): React.JSX.Element {
    return <View view={this} {...this.options} />;
  }

  private async _load(asked: number, before: readonly IEntry[]): Promise<void> {
    const { cluster, storage } = this.options;
    const place = toPlace(this._path);
    this._busy = true;
    try {
      let found: IEntry[];
      let cursor: string | null = null;
      if (place) {
        const { bucket, key } = asFolder(place);
        const page = await storage.page(cluster, bucket, key + this.starts, {
          cursor: this._cursor,
          size: PAGE
        });
        found = entriesOf(bucket, page, before.length);
        cursor = page.cursor;
      } else {
        const rows = await storage.buckets(cluster);
        found = rows
          .filter(({ name }) => name.startsWith(this.starts))
          .map((row, order) => ({
            order,
            path: row.name,
            name: row.name,
            isFolder: true,
            size: row.bytes,
            modified: null
          }));
      }
      if (asked !== this._asked || this.isDisposed) {
        return;
      }
      this.entries = [...before, ...found];
      this._cursor = cursor ?? undefined;
      this.more = cursor !== null;
      this.problem = undefined;
    } catch (reason) {
      if (asked !== this._asked || this.isDisposed) {
        return;
      }
      this.problem = problemOf(reason);
    } finally {
      if (asked === this._asked) {
        this._busy = false;
      }
    }
    this._told.emit();
  }

  private _onChange(
    _: unknown,
    change: { oldValue: unknown; newValue: unknown }
  ): void {
    const parents = [change.oldValue, change.newValue].map(value =>
      (value as { path?: string } | null)?.path
        ?.split('/')
        .slice(0, -1)
        .join('/')
    );
    if (parents.includes(this._path)) {
      this.refresh();
    }
  }

  private readonly _drive: IBucketDrive;
  private readonly _moved = new Signal<this, void>(this);
  private readonly _told = new Signal<this, void>(this);
  private _path = '';
  private _cursor: string | undefined;
  private _busy = false;
  private _asked = 0;
  private _typing = 0;
}

export namespace FolderView {
  export interface IOptions {
    cluster: string;
    path: string;
    commands: CommandRegistry;
    drives: IOscarDrives;
    storage: IStorage;
    trans: TranslationBundle;
  }
}

function View(
  props: FolderView.IOptions & { view: FolderView }
): React.JSX.Element {
  const { trans, view } = props;
  useChanged(view.told);
  useChanged(view.moved);
  const columns = React.useMemo(() => columnsOf(trans), [trans]);
  const input = React.useRef<HTMLInputElement>(null);
  const { entries, isFiltered, problem } = view;
  React.useEffect(() => {
    if (isFiltered) {
      input.current?.focus();
    }
  }, [isFiltered]);
  const toRows = (): void => {
    view.node.querySelector<HTMLElement>('[role="grid"]')?.focus();
  };
  const leave = (): void => {
    view.isFiltered = false;
    view.filter('');
    toRows();
  };
  return (
    <div
      className="jp-OscarList"
      onKeyDown={event => {
        if (event.key === '/' && event.target !== input.current) {
          view.isFiltered = true;
          view.filter(view.starts);
          event.preventDefault();
        } else if (event.key === 'Escape' && isFiltered) {
          leave();
          event.preventDefault();
        } else if (
          event.key === 'Backspace' &&
          event.target !== input.current
        ) {
          view.go(view.path.split('/').slice(0, -1).join('/'));
          event.preventDefault();
        }
      }}
    >
      <Bar {...props} />
      {isFiltered ? (
        <div className="jp-OscarList-filter">
          <input
            ref={input}
            type="text"
            role="searchbox"
            className="jp-mod-styled"
            aria-label={trans.__('Beginning of the name')}
            placeholder={trans.__('Name begins with')}
            value={view.starts}
            onChange={event => {
              view.filter(event.target.value);
            }}
            onKeyDown={event => {
              if (event.key === 'ArrowDown' || event.key === 'Enter') {
                toRows();
                event.preventDefault();
              }
            }}
          />
        </div>
      ) : null}
      {problem ? (
        <Notice what={problem.message} hint={problem.hint}>
          <Step
            label={trans.__('Try again')}
            onClick={() => {
              view.refresh();
            }}
          />
        </Notice>
      ) : null}
      {entries === undefined ? (
        problem ? null : (
          <Skeleton lines={6} label={trans.__('Loading')} />
        )
      ) : entries.length === 0 ? (
        <p className="jp-OscarList-none jp-OscarQuiet">
          {view.starts
            ? trans.__('Nothing begins with "%1".', view.starts)
            : trans.__('Nothing here yet.')}
        </p>
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
      <BarButton
        icon={searchIcon}
        label={trans.__('Filter (/)')}
        onClick={() => {
          view.isFiltered = !view.isFiltered;
          view.filter('');
        }}
      />
      <BarButton
        icon={refreshIcon}
        label={trans.__('Look again now')}
        onClick={() => {
          view.refresh();
        }}
      />
    </div>
  );
}
