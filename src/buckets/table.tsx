import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { problemOf } from '../errors';
import { Filter } from '../filter';
import { Listening, Subscribe } from '../listening';
import { ISort } from '../table/grid';
import { Problem } from '../types';
import { View } from './drawn';
import { entriesOf, IEntry } from './entries';
import { asFolder, topic as topicOf, toPlace } from './paths';
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
    this._listening = new Listening(options.subscribe);
    this._drive = options.drives.drive(options.cluster);
    this._drive.fileChanged.connect(this._onChange, this);
    this.starts.changed.connect(this._onFilter, this);
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
  /** Only what begins like that is listed. */
  readonly starts = new Filter();
  selected: string | undefined;
  sort: ISort = { column: 'name', descending: false };

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._typing);
    this._listening.dispose();
    if (this.options.drives.selection?.node === this.node) {
      this.options.drives.selection = undefined;
    }
    super.dispose();
  }

  go(path: string): void {
    this._path = path;
    this.starts.hide();
    this.selected = undefined;
    this.sort = { column: 'name', descending: false };
    this._moved.emit();
    this.refresh();
    this._listen();
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

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._listen();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._listen();
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

  /** The next page after those, and further ones until there are so many entries. */
  private async _load(
    asked: number,
    before: readonly IEntry[],
    least = 0
  ): Promise<void> {
    const { cluster, storage } = this.options;
    const place = toPlace(this._path);
    const starts = (this._started = this.starts.text);
    this._busy = true;
    try {
      let found: IEntry[];
      let cursor: string | null = null;
      if (place) {
        const { bucket, key } = asFolder(place);
        const page = await storage.page(cluster, bucket, key + starts, {
          cursor: this._cursor,
          size: PAGE
        });
        found = entriesOf(bucket, page, before.length);
        cursor = page.cursor;
      } else {
        const rows = await storage.buckets(cluster);
        found = rows
          .filter(({ name }) => name.startsWith(starts))
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
      const entries = [...before, ...found];
      this._cursor = cursor ?? undefined;
      if (cursor !== null && entries.length < least) {
        await this._load(asked, entries, least);
        return;
      }
      this.entries = entries;
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

  private _onFilter(): void {
    window.clearTimeout(this._typing);
    this._typing = window.setTimeout(() => {
      if (this._started !== this.starts.text) {
        this.refresh();
      }
    }, TYPED);
    this._told.emit();
  }

  /** Hear of changes in what is shown for as long as it is seen. */
  private _listen(): void {
    const { cluster } = this.options;
    const topic = this.isVisible ? topicOf(cluster, this._path) : undefined;
    let isFirst = true;
    this._listening.hear(topic, () => {
      // What is there at first is listed already, or on its way.
      if (!isFirst) {
        void this._again();
      }
      isFirst = false;
    });
  }

  /** List again as much as is loaded, and show it when all of it is there: nothing jumps. */
  private async _again(): Promise<void> {
    const loaded = this.entries?.length ?? 0;
    this._asked += 1;
    const asked = this._asked;
    this._cursor = undefined;
    await this._load(asked, [], loaded);
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
  private _started = '';
  private readonly _listening: Listening;
}

export namespace FolderView {
  export interface IOptions {
    cluster: string;
    path: string;
    commands: CommandRegistry;
    drives: IOscarDrives;
    storage: IStorage;
    trans: TranslationBundle;
    /** Hear of what says that a folder has changed. */
    subscribe: Subscribe;
  }
}
