import { FileBrowser } from '@jupyterlab/filebrowser';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { IDisposable } from '@lumino/disposable';
import { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import { problemOf } from '../errors';
import { number } from '../format';
import { useChanged } from '../hooks';
import { Filter } from '../lists';
import { isUsable } from '../sidebar/welcome';
import { Notice, Step } from '../states';
import { IOscarModel } from '../tokens';
import { BucketCommandIDs, IBucketDrive, IListing } from './tokens';
import { Problem } from '../types';

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
    const { filter, model } = _options;
    this._head = ReactWidget.create(<Head panel={this} {..._options} />);
    this._foot = ReactWidget.create(<Foot panel={this} {..._options} />);
    this._head.addClass('jp-OscarBuckets-head');
    this._foot.addClass('jp-OscarBuckets-foot');
    this.addWidget(this._head);
    this.addWidget(this._foot);
    filter.changed.connect(this._onFilter, this);
    model.changed.connect(this._onModel, this);
  }

  /** The path that is shown, in its drive. */
  get path(): string {
    return this._here?.path ?? '';
  }

  get listing(): IListing | undefined {
    return this._listing;
  }

  get problem(): Problem | undefined {
    return this._problem;
  }

  get browser(): FileBrowser | undefined {
    return this._here?.browser;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearTimeout(this._typing);
    this._options.filter.changed.disconnect(this._onFilter, this);
    this._options.model.changed.disconnect(this._onModel, this);
    for (const one of this._browsers.values()) {
      one.browser.dispose();
    }
    super.dispose();
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
    const one: Private.IOne = { name, drive, browser, path: '' };
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
      one.path = browser.model.path.slice(browser.model.driveName.length + 1);
      drive.narrow('', '');
      if (one === this._here) {
        // A folder is listed before it is entered.
        const { listing } = one;
        this._listing = listing?.path === one.path ? listing : undefined;
        this._options.filter.hide();
        this.update();
      }
      browser.toggleClass('jp-mod-root', one.path === '');
      this._listen();
    }, this);
    browser.toggleClass('jp-mod-root', true);
    browser.model.refreshed.connect(() => {
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
    this.insertWidget(1, browser);
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
      this._here?.drive.narrow(this._here.path, shown ? text : '');
      this.refresh();
    }, TYPED);
    this.update();
  }

  /** Hear of changes in what is shown for as long as it is seen. */
  private _listen(): void {
    const one = this.isVisible && this._state === 'ok' ? this._here : undefined;
    const topic = one && this._options.topic(one.name, one.path);
    if (topic === this._topic) {
      return;
    }
    this._topic = topic;
    this._listening?.dispose();
    this._listening = null;
    if (topic !== undefined) {
      this._listening = this._options.subscribe(topic, said => {
        const shown = this._listing?.said;
        if (JSON.stringify(said) !== JSON.stringify(shown)) {
          this.refresh();
        }
      });
    }
  }

  override update(): void {
    super.update();
    const isGone = this._problem !== undefined && !this._listing;
    this.toggleClass('jp-mod-trouble', isGone);
    this._head.update();
    this._foot.update();
  }

  private readonly _head: ReactWidget;
  private readonly _foot: ReactWidget;
  private readonly _browsers = new Map<string, Private.IOne>();
  private _here: Private.IOne | undefined;
  private _listing: IListing | undefined;
  private _problem: Problem | undefined;
  private _failed: Problem | undefined;
  private _state: string | undefined;
  private _typing = 0;
  private _topic: string | undefined;
  private _listening: IDisposable | null = null;
}

export namespace BucketsPanel {
  export interface IOptions {
    commands: CommandRegistry;
    model: IOscarModel;
    filter: Filter;
    trans: TranslationBundle;
    /** The drive of a cluster, and a file browser on it. */
    make: (cluster: string) => { drive: IBucketDrive; browser: FileBrowser };
    /** What says that a path has changed. */
    topic: (cluster: string, path: string) => string;
    subscribe: (topic: string, tell: (said: unknown) => void) => IDisposable;
  }
}

interface IPart extends BucketsPanel.IOptions {
  panel: BucketsPanel;
}

/** The filter, and why nothing is shown. */
function Head(props: IPart): React.JSX.Element {
  const { filter, panel, trans } = props;
  useChanged(filter.changed);
  const input = React.useRef<HTMLInputElement>(null);
  const { shown } = filter;
  React.useEffect(() => {
    if (shown) {
      input.current?.focus();
    }
  }, [shown]);
  const { problem } = panel;
  return (
    <>
      {shown ? (
        <div className="jp-OscarList-filter">
          <input
            ref={input}
            type="text"
            role="searchbox"
            className="jp-mod-styled"
            aria-label={trans.__('Beginning of the name')}
            placeholder={trans.__('Name begins with')}
            value={filter.text}
            onChange={event => {
              filter.type(event.target.value);
            }}
            onKeyDown={event => {
              if (event.key === 'Escape') {
                filter.hide();
                panel.browser?.activate();
              } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
                panel.browser?.activate();
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
              panel.refresh();
            }}
          />
          {panel.path ? (
            <Step
              label={trans.__('All buckets')}
              onClick={() => {
                void panel.go('');
              }}
            />
          ) : null}
        </Notice>
      ) : null}
    </>
  );
}

/** What is said below the list: nothing there, or more than is shown. */
function Foot(props: IPart): React.JSX.Element | null {
  const { commands, filter, model, panel, trans } = props;
  useChanged(filter.changed);
  const { listing, path } = panel;
  if (!listing || panel.problem) {
    return null;
  }
  const table = (): void => {
    if (commands.hasCommand(BucketCommandIDs.openFolder)) {
      void commands.execute(BucketCommandIDs.openFolder, {
        cluster: model.current ?? null,
        path
      });
    }
  };
  if (listing.more) {
    return (
      <p className="jp-OscarBuckets-more jp-OscarQuiet">
        {trans.__('The first %1 are shown.', number(listing.shown))}{' '}
        <button type="button" className="jp-OscarLink" onClick={table}>
          {trans.__('Open as a table')}
        </button>
      </p>
    );
  }
  if (listing.shown > 0) {
    return null;
  }
  return (
    <p className="jp-OscarList-none jp-OscarQuiet">
      {filter.shown && filter.text
        ? trans.__('Nothing begins with "%1".', filter.text)
        : path
          ? trans.__('Nothing here yet. Drop files to upload them.')
          : trans.__('No buckets yet.')}
    </p>
  );
}

namespace Private {
  export interface IOne {
    name: string;
    drive: IBucketDrive;
    browser: FileBrowser;
    path: string;
    listing?: IListing;
  }
}
