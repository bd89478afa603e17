import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownEmptyIcon,
  caretUpEmptyThinIcon,
  downloadIcon,
  LabIcon
} from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { download } from '../../save';
import { IOscarChannel } from '../../tokens';
import { write } from './line';
import { IRow, Kind, LogLines } from './lines';
import { Change, LogSource } from './source';

/** No browser scrolls over more pixels than some; beyond, pixels are shared. */
const TALLEST = 8_000_000;
/** How long a search may hold the page at a time, in milliseconds. */
const SLICE = 8;
const MOST_MARKS = 200;

/**
 * A log that is read while it grows. It follows while one is at its end, folds
 * what OSCAR says, and has only those lines in the page that are seen.
 */
export class LogView extends Widget {
  constructor(private readonly options: LogView.IOptions) {
    super();
    this.addClass('jp-OscarLog');
    this._build();
    this._resized = new ResizeObserver(() => {
      this._measure();
    });
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

  /** Add to the end, where the log is of no topic. */
  append(text: string): void {
    this._source.append(text);
  }

  /** Go to a line and mark it. */
  reveal(line: number): void {
    if (this.lines.kind(line) === Kind.Oscar && this.lines.fold(line, true)) {
      this._kept.clear();
    }
    const rows = Math.max(1, Math.floor(this._height / this._rowHeight));
    this._current = line;
    this._end = false;
    this._anchor = Math.max(0, this.lines.rowOf(line) - (rows >> 1));
    this._shift = 0;
    this._kept.clear();
    this.draw();
  }

  /** Go to the end and stay there. */
  toEnd(): void {
    this._end = true;
    this._fresh = 0;
    this.draw();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._leave();
    this._resized.disconnect();
    cancelAnimationFrame(this._frame);
    window.clearTimeout(this._typed);
    window.clearTimeout(this._searching);
    window.clearTimeout(this._marking);
    Signal.clearData(this);
    super.dispose();
  }

  /** Draw before the next frame. */
  draw(): void {
    if (!this._frame && this.isVisible) {
      this._frame = requestAnimationFrame(() => {
        this._frame = 0;
        this._draw();
      });
    }
  }

  protected override onAfterAttach(msg: Message): void {
    this._resized.observe(this._scroll);
    if (this.isVisible) {
      this.onAfterShow(msg);
    }
  }

  protected override onBeforeDetach(msg: Message): void {
    this._resized.disconnect();
    this._look(false);
  }

  protected override onAfterShow(msg: Message): void {
    this._measure();
    this._look(true);
  }

  protected override onAfterHide(msg: Message): void {
    this._look(false);
  }

  protected override onActivateRequest(msg: Message): void {
    this._scroll.focus();
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
      const { rows } = this.lines;
      if (!this._end && this._rows) {
        this._fresh += Math.max(0, rows - this._rows);
      }
      this._rows = rows;
      this._search();
      this._marksLater();
      this.draw();
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
      this._kept.clear();
      this._marksLater();
      this.draw();
    }
  }

  /** Begin anew with what there is. */
  private _restart(): void {
    this._kept.clear();
    this._shown.textContent = '';
    this._anchor = this._shift = this._fresh = 0;
    this._rows = this.lines.rows;
    this._current = -1;
    this._end = true;
    this._over = this._source.over;
    this._markLast();
    this._live.textContent = '';
    this._beginSearch();
    this._marksLater();
    this._say();
    this.draw();
  }

  // What is drawn

  private _measure(): void {
    this._height = this._scroll.clientHeight;
    const probe = document.createElement('div');
    probe.className = 'jp-OscarLog-line';
    const text = document.createElement('span');
    text.textContent = 'm'.repeat(20);
    probe.appendChild(text);
    this._shown.appendChild(probe);
    const { height } = probe.getBoundingClientRect();
    const { width } = text.getBoundingClientRect();
    probe.remove();
    if (height) {
      this._rowHeight = height;
      this._columns = Math.max(
        10,
        Math.floor((20 * (this._scroll.clientWidth - 72)) / (width || 1))
      );
    }
    this._kept.clear();
    this._marksLater();
    this.draw();
  }

  private _draw(): void {
    const rows = this.lines.rows;
    const fit = Math.ceil(this._height / this._rowHeight) + 1;
    const whole = rows * this._rowHeight;
    this._space.style.height = `${Math.min(whole, TALLEST)}px`;
    if (this._anchor > rows - 1) {
      this._end = true;
    }
    const first = this._end ? Math.max(0, rows - fit) : this._anchor;
    const wanted: HTMLElement[] = [];
    const kept = new Map<string, HTMLElement>();
    for (let index = first; index < Math.min(rows, first + fit + 1); index++) {
      const row = this.lines.row(index);
      const open = row.line === this.lines.count - 1 ? this.lines.size : 0;
      const key = `${row.line} ${row.folded} ${row.open ? 1 : 0} ${open}`;
      const element = this._kept.get(key) ?? this._row(row);
      kept.set(key, element);
      wanted.push(element);
    }
    this._kept = kept;
    this._replace(wanted);
    this._width();
    let top = -this._shift;
    const tall = this._wrap
      ? this._shown.offsetHeight
      : wanted.length * this._rowHeight;
    const reaches = first + wanted.length >= rows;
    if (this._end || (reaches && top + tall <= this._height)) {
      // At the end the last line stands at the bottom.
      this._end = true;
      this._fresh = 0;
      top = first === 0 && tall <= this._height ? 0 : this._height - tall;
      this._settle(first, top);
    }
    this._shown.style.top = `${top}px`;
    this._sync(whole);
    this._say();
  }

  /** Let the anchor be what stands at the top, so that one can scroll on. */
  private _settle(first: number, top: number): void {
    this._anchor = first;
    this._shift = -top;
    if (!this._wrap) {
      const skip = Math.floor(Math.max(0, this._shift) / this._rowHeight);
      this._anchor += skip;
      this._shift = Math.max(0, this._shift - skip * this._rowHeight);
    }
  }

  /** Exchange only what differs: a selection and the focus stay. */
  private _replace(wanted: HTMLElement[]): void {
    let next = this._shown.firstElementChild;
    const keep = new Set(wanted);
    for (const element of wanted) {
      while (next && !keep.has(next as HTMLElement)) {
        const gone = next;
        next = next.nextElementSibling;
        gone.remove();
      }
      if (next === element) {
        next = next.nextElementSibling;
      } else {
        this._shown.insertBefore(element, next);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextElementSibling;
      gone.remove();
    }
  }

  private _row(row: IRow): HTMLElement {
    const { trans } = this.options;
    const element = document.createElement('div');
    element.className = 'jp-OscarLog-line';
    if (row.folded) {
      const button = document.createElement('button');
      button.className = 'jp-OscarLog-fold';
      button.textContent = `⋯ ${trans._n(
        '%2 line of OSCAR',
        '%2 lines of OSCAR',
        row.folded,
        row.folded.toLocaleString()
      )}`;
      button.setAttribute('aria-expanded', String(row.open));
      button.dataset.line = String(row.line);
      element.appendChild(button);
      return element;
    }
    const kind = this.lines.kind(row.line);
    const number = document.createElement('span');
    number.className = 'jp-OscarLog-number';
    number.setAttribute('aria-hidden', 'true');
    number.dataset.number = String(row.line + 1);
    const text = document.createElement('span');
    text.className = 'jp-OscarLog-text';
    write(text, this.lines.text(row.line), this._query);
    element.classList.toggle('jp-mod-oscar', kind === Kind.Oscar);
    element.classList.toggle('jp-mod-failed', kind >= Kind.Failed);
    element.classList.toggle('jp-mod-current', row.line === this._current);
    element.append(number, text);
    return element;
  }

  /** Numbers take as much room as the largest needs. */
  private _width(): void {
    const digits = Math.max(3, String(this.lines.count).length);
    this._shown.style.setProperty('--jp-oscar-log-digits', String(digits));
  }

  // Where one is

  private get _shares(): boolean {
    return (
      this._wrap || this.lines.rows * this._rowHeight > TALLEST - this._height
    );
  }

  /** Show in the scroll bar where one is. */
  private _sync(whole: number): void {
    const room = Math.min(whole, TALLEST) - this._height;
    const position = this._anchor + this._shift / this._heightOf(this._anchor);
    const last = Math.max(
      1,
      this._wrap && this._end
        ? position
        : this.lines.rows - this._height / this._rowHeight
    );
    const top = this._end
      ? room
      : this._shares
        ? Math.min(1, position / last) * room
        : this._anchor * this._rowHeight + this._shift;
    if (Math.abs(this._scroll.scrollTop - top) >= 1) {
      this._scroll.scrollTop = Math.max(0, top);
    }
    this._set = this._scroll.scrollTop;
  }

  /** The scroll bar was moved. */
  private _scrolled(): void {
    const top = this._scroll.scrollTop;
    if (Math.abs(top - this._set) < 1) {
      return;
    }
    this._set = top;
    const room = this._scroll.scrollHeight - this._height;
    const { rows } = this.lines;
    this._end = top >= room - 1;
    if (!this._shares) {
      this._anchor = Math.floor(top / this._rowHeight);
      this._shift = top - this._anchor * this._rowHeight;
    } else {
      const last = Math.max(0, rows - this._height / this._rowHeight);
      const position = (room > 0 ? top / room : 0) * last;
      this._anchor = Math.floor(position);
      this._shift = 0;
    }
    this.draw();
  }

  /** Move by pixels, whatever the height of a line. */
  private _move(pixels: number): void {
    if (pixels < 0) {
      this._end = false;
    }
    this._shift += pixels;
    while (this._shift < 0 && this._anchor > 0) {
      this._anchor--;
      this._shift += this._heightOf(this._anchor);
    }
    this._shift = Math.max(0, this._shift);
    while (
      this._anchor < this.lines.rows - 1 &&
      this._shift >= this._heightOf(this._anchor)
    ) {
      this._shift -= this._heightOf(this._anchor);
      this._anchor++;
    }
    this.draw();
  }

  private _heightOf(index: number): number {
    if (!this._wrap || index >= this.lines.rows) {
      return this._rowHeight;
    }
    const row = this.lines.row(index);
    const start = `${row.line} ${row.folded} ${row.open ? 1 : 0} `;
    const drawn = this._kept.get(`${start}0`);
    if (drawn?.isConnected) {
      return drawn.offsetHeight || this._rowHeight;
    }
    const { length } = row.folded ? '' : this.lines.text(row.line);
    return (
      Math.max(1, Math.ceil(Math.min(length, 4000) / this._columns)) *
      this._rowHeight
    );
  }

  private _key(event: KeyboardEvent): void {
    const page = this._height - this._rowHeight;
    const by: Record<string, number> = {
      ArrowUp: -this._rowHeight,
      ArrowDown: this._rowHeight,
      PageUp: -page,
      PageDown: page
    };
    if (event.key === '/' || (event.key === 'f' && accel(event))) {
      this._field.focus();
      this._field.select();
    } else if (event.target !== this._scroll) {
      return;
    } else if (event.key in by) {
      this._move(by[event.key]);
    } else if (event.key === ' ') {
      this._move(event.shiftKey ? -page : page);
    } else if (event.key === 'End') {
      this.toEnd();
    } else if (event.key === 'Home') {
      this._end = false;
      this._anchor = this._shift = 0;
      this.draw();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // What is looked for

  private _beginSearch(): void {
    const words = this._field.value;
    this._query = words
      ? new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi')
      : null;
    this._hits = [];
    this._hit = this._searched = 0;
    this._kept.clear();
    this._search();
    this._count();
    this.draw();
  }

  private _search(): void {
    if (!this._query || this._searching) {
      return;
    }
    const until = performance.now() + SLICE;
    while (this._searched < this.lines.pieces && performance.now() < until) {
      for (const line of this.lines.find(this._query, this._searched++)) {
        this._hits.push(line);
      }
    }
    if (this._searched < this.lines.pieces) {
      this._searching = window.setTimeout(() => {
        this._searching = 0;
        this._search();
      });
    }
    this._count();
  }

  private _count(): void {
    const { trans } = this.options;
    const all = this._hits.length;
    this._counted.textContent = !this._query
      ? ''
      : this._hit
        ? trans.__('%1 of %2', this._hit.toLocaleString(), all.toLocaleString())
        : trans._n('%2 line', '%2 lines', all, all.toLocaleString());
    this._previous.disabled = this._next.disabled = !all;
    this._previous.hidden = this._next.hidden = !this._query;
  }

  /** Go to the next line that was found, or to the one before. */
  private _step(by: number): void {
    const all = this._hits.length;
    if (!all) {
      return;
    }
    this._hit =
      ((this._hit - 1 + by + (this._hit ? 0 : by < 0 ? 1 : 0) + all) % all) + 1;
    this.reveal(this._hits[this._hit - 1]);
    this._count();
  }

  private _nextFailed(): void {
    const { failed } = this.lines;
    const next = failed.find(line => line > this._current) ?? failed[0];
    this.reveal(next);
  }

  // What is said

  private _say(): void {
    const { trans } = this.options;
    const { count, failed } = this.lines;
    const { problem } = this._source;
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
    this._more.hidden = this._end || !this._fresh;
    this._more.textContent = `${trans._n(
      '%2 new line',
      '%2 new lines',
      this._fresh,
      this._fresh.toLocaleString()
    )} ↓`;
  }

  private _marksLater(): void {
    this._marking ||= window.setTimeout(() => {
      this._marking = 0;
      this._drawMarks();
    }, 300);
  }

  /** Where in the whole something went wrong, beside the scroll bar. */
  private _drawMarks(): void {
    const { failed, rows } = this.lines;
    // What fits stands beside its own line.
    const share = Math.min(
      1,
      (rows * this._rowHeight) / Math.max(1, this._height)
    );
    const places = new Set<number>();
    const step = Math.max(1, Math.ceil(failed.length / 20_000));
    for (let i = 0; i < failed.length && places.size < MOST_MARKS; i += step) {
      const at = (share * this.lines.rowOf(failed[i])) / Math.max(1, rows);
      places.add(Math.floor(at * MOST_MARKS));
    }
    this._marks.textContent = '';
    for (const place of places) {
      const mark = document.createElement('div');
      mark.style.top = `${(100 * place) / MOST_MARKS}%`;
      this._marks.appendChild(mark);
    }
  }

  // What it is made of

  private _build(): void {
    const { trans } = this.options;
    const bar = part('div', 'bar');
    bar.setAttribute('role', 'toolbar');
    bar.setAttribute('aria-label', trans.__('Log'));
    dress(this._wrongs, trans.__('Next line that failed'));
    this._wrongs.classList.add('jp-mod-failed');
    this._wrongs.addEventListener('click', () => {
      this._nextFailed();
    });
    const search = part('div', 'search');
    this._field.type = 'search';
    this._field.className = 'jp-mod-styled';
    this._field.placeholder = trans.__('Search');
    this._field.setAttribute('aria-label', trans.__('Search the log'));
    this._field.addEventListener('input', () => {
      window.clearTimeout(this._typed);
      this._typed = window.setTimeout(() => {
        window.clearTimeout(this._searching);
        this._searching = 0;
        this._beginSearch();
      }, 150);
    });
    this._field.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        this._step(event.shiftKey ? -1 : 1);
      } else if (event.key === 'Escape') {
        this._field.value = '';
        this._beginSearch();
        this._scroll.focus();
      }
    });
    this._counted.setAttribute('aria-live', 'polite');
    dress(
      this._previous,
      trans.__('Previous line that was found'),
      caretUpEmptyThinIcon
    );
    this._previous.addEventListener('click', () => {
      this._step(-1);
    });
    dress(this._next, trans.__('Next line that was found'), caretDownEmptyIcon);
    this._next.addEventListener('click', () => {
      this._step(1);
    });
    this._count();
    search.append(this._field, this._counted, this._previous, this._next);
    const wrap = document.createElement('button');
    dress(wrap, trans.__('Wrap long lines'));
    wrap.textContent = trans.__('Wrap');
    wrap.setAttribute('aria-pressed', 'false');
    wrap.addEventListener('click', () => {
      this._wrap = !this._wrap;
      wrap.setAttribute('aria-pressed', String(this._wrap));
      this.toggleClass('jp-mod-wrap', this._wrap);
      this._shift = 0;
      this._measure();
    });
    const save = document.createElement('button');
    dress(save, trans.__('Save the log'), downloadIcon);
    save.addEventListener('click', () => {
      download(this.lines.blob(), this.name);
    });
    bar.append(this._said, this._wrongs, search, wrap, save);

    const body = part('div', 'body');
    this._scroll.tabIndex = 0;
    this._scroll.setAttribute('role', 'region');
    this._scroll.setAttribute('aria-label', trans.__('Lines of the log'));
    const sheet = part('div', 'sheet');
    // In there the host colours what a terminal would.
    sheet.classList.add('jp-RenderedText');
    sheet.appendChild(this._shown);
    this._scroll.append(sheet, this._space);
    this._scroll.addEventListener('scroll', () => {
      this._scrolled();
    });
    this._scroll.addEventListener(
      'wheel',
      event => {
        if (this._shares && event.deltaY && !event.ctrlKey) {
          event.preventDefault();
          const unit = [1, this._rowHeight, this._height][event.deltaMode];
          this._move(event.deltaY * unit);
        }
      },
      { passive: false }
    );
    this._scroll.addEventListener('click', event => {
      const { line } = (event.target as HTMLElement).dataset;
      if (line !== undefined) {
        this._fold(Number(line));
      }
    });
    this.node.addEventListener('keydown', event => {
      this._key(event);
    });
    this._marks.setAttribute('aria-hidden', 'true');
    this._more.className = 'jp-OscarLog-more jp-mod-styled';
    this._more.hidden = true;
    this._more.addEventListener('click', () => {
      this.toEnd();
      this._scroll.focus();
    });
    body.append(this._scroll, this._marks, this._more);
    this._live.setAttribute('role', 'status');
    this.node.append(bar, body, this._live);
  }

  private _fold(line: number): void {
    const row = this.lines.row(this.lines.rowOf(line));
    const before = this.lines.rowOf(line);
    const head = row.folded ? row : this.lines.row(before - 1);
    this.lines.fold(line, !head.open);
    if (this._end && !head.open) {
      // What was opened is to be read: do not run on to the end.
      this._end = false;
    }
    this.draw();
    requestAnimationFrame(() => {
      const button = this._shown.querySelector(`[data-line="${line}"]`);
      (button as HTMLElement | null)?.focus();
    });
  }

  private _said = part('span', 'said');
  private _wrongs = document.createElement('button');
  private _field = document.createElement('input');
  private _counted = part('span', 'counted');
  private _previous = document.createElement('button');
  private _next = document.createElement('button');
  private _scroll = part('div', 'scroll');
  private _space = part('div', 'space');
  private _shown = part('pre', 'lines');
  private _marks = part('div', 'marks');
  private _more = document.createElement('button');
  private _live = part('div', 'live');

  private readonly _begun = new Signal<this, void>(this);
  private _source = new LogSource();
  private _topic = '';
  private _looks = false;
  private _over = false;
  private _failed = false;
  private _state = '';
  private _instead = '';
  private _waiting = '';
  /** How many rows there were when last looked. */
  private _rows = 0;

  private _resized: ResizeObserver;
  private _frame = 0;
  private _height = 0;
  private _rowHeight = 17;
  private _columns = 80;
  private _wrap = false;
  private _kept = new Map<string, HTMLElement>();
  /** The row at the top, and how many pixels of it are above. */
  private _anchor = 0;
  private _shift = 0;
  private _end = true;
  private _set = 0;
  /** Rows that came since one left the end. */
  private _fresh = 0;
  private _current = -1;

  private _query: RegExp | null = null;
  private _hits: number[] = [];
  private _hit = 0;
  private _searched = 0;
  private _searching = 0;
  private _typed = 0;
  private _marking = 0;
}

export namespace LogView {
  export interface IOptions {
    channel: IOscarChannel;
    trans: TranslationBundle;
  }
}

function dress(button: HTMLButtonElement, label: string, icon?: LabIcon): void {
  button.className = 'jp-OscarLog-button';
  button.title = label;
  button.setAttribute('aria-label', label);
  icon?.element({ container: button, tag: 'span' });
}

function part(tag: string, name: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = `jp-OscarLog-${name}`;
  return element;
}

function accel(event: KeyboardEvent): boolean {
  return event.metaKey || event.ctrlKey;
}
