import { FileBrowser } from '@jupyterlab/filebrowser';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { problemOf } from '../errors';
import { Filter, filterKey } from '../filter';
import { Listening, Subscribe } from '../listening';
import { isUsable } from '../sidebar/welcome';
import { IOscarModel } from '../tokens';
import { FolderPage, Place, Problem } from '../types';
import { Empty, Foot, Head } from './around';
import { landed } from './landed';
import { toPlace } from './paths';
import { IBucketDrive, IListing, IOscarDrives, IStorage } from './tokens';

/** Milliseconds after the last key before a filter is asked for. */
const TYPED = 250;
/** Pixels from which there is room for when a file was changed, and for its size. */
const MIDDLE = 300;
const WIDE = 420;

/** The buckets of the current cluster in core's own file browser, with what it cannot say: more, filtered, trouble. */
export class BucketsPanel extends Panel {
  constructor(private readonly _options: BucketsPanel.IOptions) {
    super();
    this.addClass('jp-OscarBuckets');
    this._listening = new Listening(_options.subscribe);
    const { filter, model } = _options;
    const head = ReactWidget.create(<Head panel={this} {..._options} />);
    this._foot = ReactWidget.create(<Foot panel={this} {..._options} />);
    head.addClass('jp-OscarBuckets-head');
    this._foot.addClass('jp-OscarBuckets-foot');
    this.addWidget(_options.above);
    this.addWidget(head);
    this.addWidget(this._foot);
    // Before core, to which what is typed in its list is the beginning of a name.
    this.node.addEventListener(
      'keydown',
      event => {
        const key = event as KeyboardEvent & { target: Element };
        if (filterKey(key, filter, this.node) && !filter.shown) {
          this.browser?.activate();
        }
      },
      true
    );
    this.node.addEventListener('dblclick', () => {
      this._isEntering = true;
    });
    filter.changed.connect(this._onFilter, this);
    model.changed.connect(this._onModel, this);
  }

  /** What is said of the list has changed. */
  get told(): ISignal<this, void> {
    return this._told;
  }

  /** The path that is shown, in its drive. */
  get path(): string {
    return this._here?.path ?? '';
  }

  get cluster(): string | undefined {
    return this._here?.name;
  }

  get listing(): IListing | undefined {
    return this._listing;
  }

  /** Whether there is nothing to show, and no trouble to say instead. */
  get isEmpty(): boolean {
    return this._listing?.shown === 0 && !this._problem;
  }

  get problem(): Problem | undefined {
    return this._problem;
  }

  /** What just landed in the folder that is shown, the newest first. */
  get landed(): readonly Place[] {
    return this._here?.landed ?? [];
  }

  /** Say no more of something that landed. */
  forget(place: Place): void {
    const one = this._here;
    if (one) {
      one.landed = one.landed.filter(other => other !== place);
      this.update();
    }
  }

  get browser(): FileBrowser | undefined {
    return this._here?.browser;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._typing);
    this._listening.dispose();
    this._options.filter.changed.disconnect(this._onFilter, this);
    this._options.model.changed.disconnect(this._onModel, this);
    for (const one of this._browsers.values()) {
      one.browser.dispose();
    }
    super.dispose();
    Signal.clearData(this);
  }

  /** List again what is shown. */
  refresh(): void {
    void this._here?.browser.model.refresh();
  }

  /** Show a folder of the current cluster's drive. */
  async go(path: string): Promise<void> {
    await this._here?.browser.model.cd(`/${path}`);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._onModel();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._onModel();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._listen();
  }

  protected override onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    for (const { browser } of this._browsers.values()) {
      this._fit(browser);
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this._here?.browser.activate();
  }

  /** Show the drive of the current cluster, once somebody looks. */
  private _onModel(): void {
    const { model } = this._options;
    const name = isUsable(model) ? model.current : undefined;
    if (!this.isVisible) {
      return;
    }
    if (name !== this._here?.name) {
      this._here?.browser.hide();
      this._here = undefined;
      if (name !== undefined) {
        let one = this._browsers.get(name);
        if (!one) {
          one = this._make(name);
          this._browsers.set(name, one);
        }
        this._here = one;
        one.browser.show();
        this._problem = undefined;
        this._listing = undefined;
        void one.browser.model.refresh();
      }
    }
    this._state = model.currentRow?.state;
    this._listen();
    this.update();
  }

  private _make(name: string): Private.IOne {
    const { drive, browser } = this._options.make(name);
    const one: Private.IOne = {
      name,
      drive,
      browser,
      path: '',
      starts: '',
      landed: []
    };
    browser.addClass('jp-OscarFiles');
    browser.toolbar.hide();
    browser.showFileCheckboxes = false;
    this._fit(browser);
    browser.showFileFilter = false;
    drive.listed.connect((_, listing) => {
      one.listing = listing;
      if (one === this._here && listing.path === one.path) {
        this._listing = listing;
      }
    });
    // Core compares a change's path with the drive's name twice, so that nested folders stay as they are.
    drive.fileChanged.connect((_, { oldValue, newValue }) => {
      const parents = [oldValue, newValue].map(value =>
        value?.path?.split('/').slice(0, -1).join('/')
      );
      if (parents.includes(one.path)) {
        void browser.model.refresh();
      }
    });
    browser.model.pathChanged.connect(() => {
      const { activeElement } = document;
      const isHere =
        this.node.contains(activeElement) ||
        (this._isEntering && activeElement === document.body);
      this._isEntering = false;
      one.path = browser.model.path.slice(browser.model.driveName.length + 1);
      one.starts = '';
      drive.narrow('', '');
      if (one === this._here) {
        // A folder is listed before it is entered.
        const { listing } = one;
        this._listing = listing?.path === one.path ? listing : undefined;
        this._options.filter.hide();
        this.update();
      }
      browser.toggleClass('jp-mod-root', one.path === '');
      // The line that had the focus is gone with the folder it stood in.
      if (isHere) {
        browser.activate();
      }
      this._listen();
    }, this);
    browser.toggleClass('jp-mod-root', true);
    browser.model.refreshed.connect(() => {
      // A list that was on its way when the filter changed is one of before.
      const { listing } = one;
      if (listing?.path === one.path && listing.starts !== one.starts) {
        void browser.model.refresh();
      }
      if (one === this._here) {
        this._problem = this._failed;
        this._failed = undefined;
        this.update();
      }
    }, this);
    browser.model.connectionFailure.connect((_, reason) => {
      this._failed = this._problem = problemOf(reason);
      this.update();
    }, this);
    // Between where one is and the rows, where files can still be dropped.
    const [list] = browser.widgets;
    if (list instanceof Panel) {
      const empty = ReactWidget.create(
        <Empty panel={this} {...this._options} />
      );
      list.insertWidget(list.widgets.length - 1, empty);
    }
    this.insertWidget(this.widgets.indexOf(this._foot), browser);
    return one;
  }

  /** Names come first: other columns are shown where there is room for them. */
  private _fit(browser: FileBrowser): void {
    const width = this.node.offsetWidth;
    if (
      browser.showLastModifiedColumn !== width >= MIDDLE ||
      browser.showFileSizeColumn !== width >= WIDE
    ) {
      browser.showLastModifiedColumn = width >= MIDDLE;
      browser.showFileSizeColumn = width >= WIDE;
      // Core draws the rows that are there anew only with their list.
      void browser.model.refresh();
    }
  }

  private _onFilter(): void {
    window.clearTimeout(this._typing);
    this._typing = window.setTimeout(() => {
      const { shown, text } = this._options.filter;
      const one = this._here;
      if (one) {
        one.starts = shown ? text : '';
        one.drive.narrow(one.path, one.starts);
        this.refresh();
      }
    }, TYPED);
    this.update();
  }

  /** Hear of changes in what is shown for as long as it is seen. */
  private _listen(): void {
    const one = this.isVisible && this._state === 'ok' ? this._here : undefined;
    const topic = one && this._options.topic(one.name, one.path);
    let before: unknown;
    this._listening.hear(topic, said => {
      if (one && before && one.path) {
        this._note(one, before as FolderPage, said as FolderPage);
      }
      before = said;
      if (JSON.stringify(said) !== JSON.stringify(this._listing?.said)) {
        this.refresh();
      }
    });
  }

  /** Remember what has landed, to say what it started. */
  private _note(one: Private.IOne, before: FolderPage, now: FolderPage): void {
    const bucket = toPlace(one.path)?.bucket ?? '';
    const places = landed(before, now).map(({ key }) => ({ bucket, key }));
    if (places.length) {
      const keys = new Set(places.map(({ key }) => key));
      const others = one.landed.filter(
        place => place.bucket !== bucket || !keys.has(place.key)
      );
      one.landed = [...places, ...others].slice(0, Private.LANDED);
      this.update();
    }
  }

  override update(): void {
    super.update();
    const isGone = this._problem !== undefined && !this._listing;
    this.toggleClass('jp-mod-trouble', isGone);
    this.toggleClass('jp-mod-none', this._listing?.shown === 0);
    this._told.emit();
  }

  private readonly _foot: ReactWidget;
  private readonly _told = new Signal<this, void>(this);
  private readonly _browsers = new Map<string, Private.IOne>();
  private _here: Private.IOne | undefined;
  private _listing: IListing | undefined;
  private _problem: Problem | undefined;
  private _failed: Problem | undefined;
  private _state: string | undefined;
  private _isEntering = false;
  private _typing = 0;
  private readonly _listening: Listening;
}

export namespace BucketsPanel {
  export interface IOptions {
    commands: CommandRegistry;
    model: IOscarModel;
    filter: Filter;
    trans: TranslationBundle;
    /** The drive of a cluster, and a file browser on it. */
    make: (cluster: string) => { drive: IBucketDrive; browser: FileBrowser };
    drives: IOscarDrives;
    storage: () => Promise<IStorage>;
    /** What stands above the buckets. */
    above: Widget;
    /** What says that a path has changed. */
    topic: (cluster: string, path: string) => string;
    subscribe: Subscribe;
  }
}

namespace Private {
  export interface IOne {
    name: string;
    drive: IBucketDrive;
    browser: FileBrowser;
    path: string;
    /** What is listed of the folder that is shown: what begins like that. */
    starts: string;
    listing?: IListing;
    landed: readonly Place[];
  }

  /** Files that landed which are remembered. */
  export const LANDED = 20;
}
