import { TranslationBundle } from '@jupyterlab/translation';

import { write } from './line';
import { IRow, Kind, LogLines } from './lines';
import { part } from './parts';

/** No browser scrolls over more pixels than some; beyond, pixels are shared. */
const TALLEST = 8_000_000;

/**
 * The lines of a log that are in sight, in a place that scrolls over all of
 * them. It follows while one is at the end.
 */
export class LogSheet {
  constructor(private readonly options: LogSheet.IOptions) {
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', options.trans.__('Lines of the log'));
    const sheet = part('div', 'sheet');
    // In there the host colours what a terminal would.
    sheet.classList.add('jp-RenderedText');
    sheet.appendChild(this._shown);
    this.node.append(sheet, this._space);
    this.node.addEventListener('scroll', () => {
      this._scrolled();
    });
    this.node.addEventListener(
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
    this.node.addEventListener('click', event => {
      const { line } = (event.target as HTMLElement).dataset;
      if (line !== undefined) {
        this._fold(Number(line));
      }
    });
    this._resized = new ResizeObserver(() => {
      this.measure();
    });
  }

  /** What scrolls. */
  readonly node = part('div', 'scroll');

  /** Whether one is at the end, and follows. */
  get atEnd(): boolean {
    return this._end;
  }

  /** Rows that came since one left the end. */
  get fresh(): number {
    return this._fresh;
  }

  /** The line that is marked, or -1. */
  get current(): number {
    return this._current;
  }

  /** How much of the height the log fills, at most 1. */
  get filled(): number {
    const { rows } = this._lines;
    return Math.min(1, (rows * this._rowHeight) / Math.max(1, this._height));
  }

  get wrap(): boolean {
    return this._wrap;
  }
  set wrap(wrap: boolean) {
    this._wrap = wrap;
    this._shift = 0;
    this.measure();
  }

  /** Watch the size from now, or no longer. */
  watch(on: boolean): void {
    if (on) {
      this._resized.observe(this.node);
    } else {
      this._resized.disconnect();
    }
  }

  /** Begin anew with what there is. */
  restart(): void {
    this._kept.clear();
    this._shown.textContent = '';
    this._anchor = this._shift = this._fresh = 0;
    this._rows = this._lines.rows;
    this._current = -1;
    this._end = true;
    this.draw();
  }

  /** More lines came. */
  grown(): void {
    const { rows } = this._lines;
    if (!this._end && this._rows) {
      this._fresh += Math.max(0, rows - this._rows);
    }
    this._rows = rows;
    this.draw();
  }

  /** What was drawn is to be drawn anew. */
  forget(): void {
    this._kept.clear();
    this.draw();
  }

  /** Go to a line and mark it. */
  reveal(line: number): void {
    if (this._lines.kind(line) === Kind.Oscar) {
      this._lines.fold(line, true);
    }
    const rows = Math.max(1, Math.floor(this._height / this._rowHeight));
    this._current = line;
    this._end = false;
    this._anchor = Math.max(0, this._lines.rowOf(line) - (rows >> 1));
    this._shift = 0;
    this.forget();
  }

  /** Go to the end and stay there. */
  toEnd(): void {
    this._end = true;
    this._fresh = 0;
    this.draw();
  }

  /** Draw before the next frame. */
  draw(): void {
    if (!this._frame && this.options.visible()) {
      this._frame = requestAnimationFrame(() => {
        this._frame = 0;
        this._draw();
      });
    }
  }

  measure(): void {
    this._height = this.node.clientHeight;
    const probe = part('div', 'line');
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
        Math.floor((20 * (this.node.clientWidth - 72)) / (width || 1))
      );
    }
    this.options.measured();
    this.forget();
  }

  /** Move by a key, if it is one that moves. */
  key(event: KeyboardEvent): boolean {
    const page = this._height - this._rowHeight;
    const by: Record<string, number> = {
      ArrowUp: -this._rowHeight,
      ArrowDown: this._rowHeight,
      PageUp: -page,
      PageDown: page
    };
    if (event.key in by) {
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
      return false;
    }
    return true;
  }

  dispose(): void {
    this._resized.disconnect();
    cancelAnimationFrame(this._frame);
  }

  private get _lines(): LogLines {
    return this.options.lines();
  }

  private _draw(): void {
    const rows = this._lines.rows;
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
      const row = this._lines.row(index);
      const open = row.line === this._lines.count - 1 ? this._lines.size : 0;
      const key = `${row.line} ${row.folded} ${row.open ? 1 : 0} ${open}`;
      const element = this._kept.get(key) ?? this._row(row);
      kept.set(key, element);
      wanted.push(element);
    }
    this._kept = kept;
    this._replace(wanted);
    // Numbers take as much room as the largest needs.
    const digits = Math.max(3, String(this._lines.count).length);
    this._shown.style.setProperty('--jp-oscar-log-digits', String(digits));
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
    this.options.drawn();
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
    const { query, trans } = this.options;
    const element = part('div', 'line');
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
    const kind = this._lines.kind(row.line);
    const number = part('span', 'number');
    number.setAttribute('aria-hidden', 'true');
    number.dataset.number = String(row.line + 1);
    const text = part('span', 'text');
    write(text, this._lines.text(row.line), query());
    element.classList.toggle('jp-mod-oscar', kind === Kind.Oscar);
    element.classList.toggle('jp-mod-failed', kind >= Kind.Failed);
    element.classList.toggle('jp-mod-current', row.line === this._current);
    element.append(number, text);
    return element;
  }

  private _fold(line: number): void {
    const row = this._lines.row(this._lines.rowOf(line));
    const before = this._lines.rowOf(line);
    const head = row.folded ? row : this._lines.row(before - 1);
    this._lines.fold(line, !head.open);
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

  // Where one is

  private get _shares(): boolean {
    return (
      this._wrap || this._lines.rows * this._rowHeight > TALLEST - this._height
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
        : this._lines.rows - this._height / this._rowHeight
    );
    const top = this._end
      ? room
      : this._shares
        ? Math.min(1, position / last) * room
        : this._anchor * this._rowHeight + this._shift;
    if (Math.abs(this.node.scrollTop - top) >= 1) {
      this.node.scrollTop = Math.max(0, top);
    }
    this._set = this.node.scrollTop;
  }

  /** The scroll bar was moved. */
  private _scrolled(): void {
    const top = this.node.scrollTop;
    if (Math.abs(top - this._set) < 1) {
      return;
    }
    this._set = top;
    const room = this.node.scrollHeight - this._height;
    const { rows } = this._lines;
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
      this._anchor < this._lines.rows - 1 &&
      this._shift >= this._heightOf(this._anchor)
    ) {
      this._shift -= this._heightOf(this._anchor);
      this._anchor++;
    }
    this.draw();
  }

  private _heightOf(index: number): number {
    if (!this._wrap || index >= this._lines.rows) {
      return this._rowHeight;
    }
    const row = this._lines.row(index);
    const start = `${row.line} ${row.folded} ${row.open ? 1 : 0} `;
    const drawn = this._kept.get(`${start}0`);
    if (drawn?.isConnected) {
      return drawn.offsetHeight || this._rowHeight;
    }
    const { length } = row.folded ? '' : this._lines.text(row.line);
    return (
      Math.max(1, Math.ceil(Math.min(length, 4000) / this._columns)) *
      this._rowHeight
    );
  }

  private readonly _space = part('div', 'space');
  private readonly _shown = part('pre', 'lines');
  private readonly _resized: ResizeObserver;
  private _frame = 0;
  private _height = 0;
  private _rowHeight = 17;
  private _columns = 80;
  private _wrap = false;
  private _kept = new Map<string, HTMLElement>();
  /** How many rows there were when last looked. */
  private _rows = 0;
  /** The row at the top, and how many pixels of it are above. */
  private _anchor = 0;
  private _shift = 0;
  private _end = true;
  private _set = 0;
  private _fresh = 0;
  private _current = -1;
}

export namespace LogSheet {
  export interface IOptions {
    trans: TranslationBundle;
    lines: () => LogLines;
    /** What is marked in each line. */
    query: () => RegExp | null;
    /** Whether it is seen; unseen it is not drawn. */
    visible: () => boolean;
    drawn: () => void;
    measured: () => void;
  }
}
