import { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { download } from '../../save';
import { IOscarChannel } from '../../tokens';
import { LogLines } from './lines';
import { Marks } from './marks';
import { dressed, part } from './parts';
import { LogSearch } from './search';
import { LogSheet } from './sheet';
import { Change, LogSource } from './source';

/**
 * A log that is read while it grows: its lines, of which those of OSCAR are
 * folded, a search, and marks where something went wrong.
 */
export class LogView extends Widget {
  constructor(private readonly options: LogView.IOptions) {
    super();
    const { trans } = options;
    const lines = () => this.lines;
    this.addClass('jp-OscarLog');
    this._sheet = new LogSheet({
      trans,
      lines,
      query: () => this._search.query,
      visible: () => this.isVisible,
      drawn: () => {
        this._say();
      },
      measured: () => {
        this._mark();
      }
    });
    this._search = new LogSearch({
      trans,
      lines,
      changed: () => {
        this._sheet.forget();
      },
      reveal: line => {
        this._sheet.reveal(line);
      },
      leave: () => {
        this._sheet.node.focus();
      }
    });
    this._wrongs = dressed(trans.__('Next line that failed'));
    this._build();
  }

  /** What was read so far. */
  get lines(): LogLines {
    return this._source.lines;
  }

  /** What the file is called when it is saved. */
  name = 'log.txt';

  /** Read the log of a topic, or none. */
  follow(topic: string): void {
    if (topic === this._topic) {
      return;
    }
    this._leave();
    this._topic = topic;
    this._source = topic
      ? LogSource.of(this.options.channel, topic)
      : new LogSource();
    this._source.changed.connect(this._onChanged, this);
    this._look(this.isVisible);
    this._restart();
  }

  /** Emitted when the log has something to read. */
  get begun(): ISignal<this, void> {
    return this._begun;
  }

  /** Say why nothing comes yet. */
  set waiting(text: string) {
    if (text !== this._waiting) {
      this._waiting = text;
      this._say();
    }
  }

  /** The state of the call; when it changes there is something new to read. */
  set state(state: string) {
    if (state !== this._state) {
      this._state = state;
      this._source.refresh();
      this._say();
    }
  }

  /** Whether the call failed: its script's last line is then marked. */
  set failed(failed: boolean) {
    if (failed !== this._failed) {
      this._failed = failed;
      this._markLast();
    }
  }

  /** What is shown where the log itself is gone. */
  set instead(text: string) {
    this._instead = text;
    this._substitute();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._leave();
    this._sheet.dispose();
    this._search.dispose();
    this._marks.dispose();
    Signal.clearData(this);
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    this._sheet.watch(true);
    if (this.isVisible) {
      this.onAfterShow(msg);
    }
  }

  protected override onBeforeDetach(msg: Message): void {
    this._sheet.watch(false);
    this._look(false);
  }

  protected override onAfterShow(msg: Message): void {
    this._sheet.measure();
    this._look(true);
  }

  protected override onAfterHide(msg: Message): void {
    this._look(false);
  }

  protected override onActivateRequest(msg: Message): void {
    this._sheet.node.focus();
  }

  // What comes

  private _look(on: boolean): void {
    if (on !== this._looks) {
      this._looks = on;
      this._source.look(on);
    }
  }

  private _leave(): void {
    this._look(false);
    this._source.changed.disconnect(this._onChanged, this);
    this._source.release();
  }

  private _onChanged(source: LogSource, change: Change): void {
    if (change === 'other') {
      this._restart();
    } else if (change === 'more') {
      this._sheet.grown();
      this._search.more();
      this._mark();
      this._begun.emit();
    } else {
      if (source.over && !this._over) {
        this._over = true;
        this._live.textContent = this.options.trans.__('The log has ended.');
        this._substitute();
        this._markLast();
      }
      this._say();
    }
  }

  private _substitute(): void {
    if (this._instead && this._source.over && !this.lines.count) {
      this._source.append(`${this._instead}\n`);
    }
  }

  private _markLast(): void {
    if (this._failed && this._source.over && this.lines.fail()) {
      this._sheet.forget();
      this._mark();
    }
  }

  private _mark(): void {
    this._marks.later(() => ({ lines: this.lines, share: this._sheet.filled }));
  }

  /** Begin anew with what there is. */
  private _restart(): void {
    this._over = this._source.over;
    this._live.textContent = '';
    this._sheet.restart();
    this._markLast();
    this._search.begin();
    this._mark();
    this._say();
  }

  // What is said

  private _say(): void {
    const { trans } = this.options;
    const { count, failed } = this.lines;
    const { problem } = this._source;
    const { atEnd, fresh } = this._sheet;
    this._said.textContent = problem
      ? problem.message
      : count
        ? trans._n('%2 line', '%2 lines', count, count.toLocaleString())
        : this._over
          ? trans.__('There is no log.')
          : this._waiting || trans.__('Reading…');
    this._said.title = problem?.hint ?? '';
    this._said.classList.toggle('jp-mod-failed', !!problem);
    this._wrongs.hidden = !failed.length;
    this._wrongs.textContent = `✕ ${failed.length.toLocaleString()}`;
    this._more.hidden = atEnd || !fresh;
    this._more.textContent = `${trans._n(
      '%2 new line',
      '%2 new lines',
      fresh,
      fresh.toLocaleString()
    )} ↓`;
  }

  private _nextFailed(): void {
    const { failed } = this.lines;
    const next = failed.find(line => line > this._sheet.current) ?? failed[0];
    this._sheet.reveal(next);
  }

  private _key(event: KeyboardEvent): void {
    const find = event.key === 'f' && (event.metaKey || event.ctrlKey);
    // In the field a slash is one.
    const slash =
      event.key === '/' && !(event.target instanceof HTMLInputElement);
    if (slash || find) {
      this._search.focus();
    } else if (event.target !== this._sheet.node || !this._sheet.key(event)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // What it is made of

  private _build(): void {
    const { trans } = this.options;
    const bar = part('div', 'bar');
    bar.setAttribute('role', 'toolbar');
    bar.setAttribute('aria-label', trans.__('Log'));
    this._wrongs.classList.add('jp-mod-failed');
    this._wrongs.addEventListener('click', () => {
      this._nextFailed();
    });
    const wrap = dressed(trans.__('Wrap long lines'));
    wrap.textContent = trans.__('Wrap');
    wrap.setAttribute('aria-pressed', 'false');
    wrap.addEventListener('click', () => {
      const on = !this._sheet.wrap;
      wrap.setAttribute('aria-pressed', String(on));
      this.toggleClass('jp-mod-wrap', on);
      this._sheet.wrap = on;
    });
    const save = dressed(trans.__('Save the log'), downloadIcon);
    save.addEventListener('click', () => {
      download(this.lines.blob(), this.name);
    });
    bar.append(this._said, this._wrongs, this._search.node, wrap, save);

    const body = part('div', 'body');
    this.node.addEventListener('keydown', event => {
      this._key(event);
    });
    this._more.className = 'jp-OscarLog-more jp-mod-styled';
    this._more.hidden = true;
    this._more.addEventListener('click', () => {
      this._sheet.toEnd();
      this._sheet.node.focus();
    });
    body.append(this._sheet.node, this._marks.node, this._more);
    this._live.setAttribute('role', 'status');
    this.node.append(bar, body, this._live);
  }

  private readonly _sheet: LogSheet;
  private readonly _search: LogSearch;
  private readonly _marks = new Marks();
  private readonly _wrongs: HTMLButtonElement;
  private readonly _said = part('span', 'said');
  private readonly _more = document.createElement('button');
  private readonly _live = part('div', 'live');

  private readonly _begun = new Signal<this, void>(this);
  private _source = new LogSource();
  private _topic = '';
  private _looks = false;
  private _over = false;
  private _failed = false;
  private _state = '';
  private _instead = '';
  private _waiting = '';
}

export namespace LogView {
  export interface IOptions {
    channel: IOscarChannel;
    trans: TranslationBundle;
  }
}
