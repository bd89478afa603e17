import { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownEmptyIcon,
  caretUpEmptyThinIcon
} from '@jupyterlab/ui-components';

import { LogLines } from './lines';
import { dressed, part } from './parts';

/** How long a search may hold the page at a time, in milliseconds. */
const SLICE = 8;
/** So long after the last key a search begins, in milliseconds. */
const PAUSE = 150;

/** The field that looks through a log, and how many lines it found. */
export class LogSearch {
  constructor(private readonly options: LogSearch.IOptions) {
    const { trans } = options;
    this._field.type = 'search';
    this._field.className = 'jp-mod-styled';
    this._field.placeholder = trans.__('Search');
    this._field.setAttribute('aria-label', trans.__('Search the log'));
    this._field.addEventListener('input', () => {
      window.clearTimeout(this._typed);
      this._typed = window.setTimeout(() => {
        this._typed = 0;
        this.begin();
      }, PAUSE);
    });
    this._field.addEventListener('keydown', event => {
      if (event.key === 'Enter') {
        if (this._typed) {
          this.begin();
        }
        this._step(event.shiftKey ? -1 : 1);
      } else if (event.key === 'Escape') {
        this._field.value = '';
        this.begin();
        options.leave();
      }
    });
    this._counted.setAttribute('aria-live', 'polite');
    this._previous = dressed(
      trans.__('Previous line that was found'),
      caretUpEmptyThinIcon
    );
    this._previous.addEventListener('click', () => {
      this._step(-1);
    });
    this._next = dressed(
      trans.__('Next line that was found'),
      caretDownEmptyIcon
    );
    this._next.addEventListener('click', () => {
      this._step(1);
    });
    this._count();
    this.node.append(this._field, this._counted, this._previous, this._next);
  }

  readonly node = part('div', 'search');

  /** What is looked for. */
  get query(): RegExp | null {
    return this._query;
  }

  focus(): void {
    this._field.focus();
    this._field.select();
  }

  /** Look for what the field says, from the log's beginning. */
  begin(): void {
    window.clearTimeout(this._typed);
    window.clearTimeout(this._searching);
    this._typed = this._searching = 0;
    const words = this._field.value;
    this._query = words
      ? new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi')
      : null;
    this._hits = [];
    this._hit = this._searched = 0;
    this.more();
    this._count();
    this.options.changed();
  }

  /** Look through what came since. */
  more(): void {
    if (!this._query || this._searching) {
      return;
    }
    const lines = this.options.lines();
    const until = performance.now() + SLICE;
    while (this._searched < lines.pieces && performance.now() < until) {
      for (const line of lines.find(this._query, this._searched++)) {
        this._hits.push(line);
      }
    }
    if (this._searched < lines.pieces) {
      this._searching = window.setTimeout(() => {
        this._searching = 0;
        this.more();
      });
    }
    this._count();
  }

  dispose(): void {
    window.clearTimeout(this._typed);
    window.clearTimeout(this._searching);
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
    this.options.reveal(this._hits[this._hit - 1]);
    this._count();
  }

  private readonly _field = document.createElement('input');
  private readonly _counted = part('span', 'counted');
  private readonly _previous: HTMLButtonElement;
  private readonly _next: HTMLButtonElement;
  private _query: RegExp | null = null;
  private _hits: number[] = [];
  private _hit = 0;
  private _searched = 0;
  private _searching = 0;
  private _typed = 0;
}

export namespace LogSearch {
  export interface IOptions {
    trans: TranslationBundle;
    lines: () => LogLines;
    /** Something else is looked for: what was drawn is marked otherwise. */
    changed: () => void;
    /** Show a line that was found. */
    reveal: (line: number) => void;
    /** Give the focus back to the lines. */
    leave: () => void;
  }
}
