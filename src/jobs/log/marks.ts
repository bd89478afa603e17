import { LogLines } from './lines';
import { part } from './parts';

const MOST = 200;
/** More lines than this are not looked at one by one. */
const LOOKED = 20_000;
/** So long after a change the marks are drawn, in milliseconds. */
const PAUSE = 300;

/** Where in the whole log something went wrong, beside the scroll bar. */
export class Marks {
  constructor() {
    this.node.setAttribute('aria-hidden', 'true');
  }

  readonly node = part('div', 'marks');

  /** Draw them soon; `share` is how much of the view's height the log fills, at most 1. */
  later(draw: () => { lines: LogLines; share: number }): void {
    this._timer ||= window.setTimeout(() => {
      this._timer = 0;
      const { lines, share } = draw();
      this._draw(lines, share);
    }, PAUSE);
  }

  dispose(): void {
    window.clearTimeout(this._timer);
  }

  private _draw(lines: LogLines, share: number): void {
    const { failed, rows } = lines;
    const places = new Set<number>();
    const step = Math.max(1, Math.ceil(failed.length / LOOKED));
    for (let i = 0; i < failed.length && places.size < MOST; i += step) {
      const at = (share * lines.rowOf(failed[i])) / Math.max(1, rows);
      places.add(Math.floor(at * MOST));
    }
    this.node.textContent = '';
    for (const place of places) {
      const mark = document.createElement('div');
      mark.style.top = `${(100 * place) / MOST}%`;
      this.node.appendChild(mark);
    }
  }

  private _timer = 0;
}
