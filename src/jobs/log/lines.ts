/**
 * A log as it is kept: pieces of text and where their lines begin, which of
 * them are the script's own and which the supervisor's. A line becomes a string
 * only when it is looked at, so a log of millions of lines costs its text and a
 * few bytes a line. Nothing here knows of a page.
 */

/** What a line is; what failed comes last. */
export const Kind = {
  /** The script's own, as it stands. */
  Own: 0,
  /** The script's own behind the supervisor's stamp, which is not shown. */
  Stamped: 1,
  /** OSCAR's. */
  Oscar: 2,
  /** Something that went wrong, whoever said it. */
  Failed: 3,
  /** Something that went wrong, behind the supervisor's stamp. */
  FailedStamped: 4
} as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

/** A row on the screen: a line, or lines of OSCAR that are folded into one. */
export interface IRow {
  /** The first line it stands for. */
  line: number;
  /** How many lines it folds; 0 where it is a line itself. */
  folded: number;
  /** Whether the fold it is the head of is open. */
  open: boolean;
}

/** `2026-11-25 08:47:01,412` and what follows it in a line of the supervisor. */
const TIME = 23;
const SAYS = ' - supervisor - ';
const STAMP = TIME + `${SAYS}DEBUG - `.length;
const WRONG =
  /^Traceback \(most recent call last\):|^\s*[\w.]*(?:Error|Exception|Interrupt|Exit)\b\s*:|(?:\b|\[[\d;]*m)(?:ERROR|FATAL|CRITICAL)\b|^(?:error|fatal)\b\s*:|: (?:command )?not found$|^Killed$|Segmentation fault/;
/** A line longer than this is not looked through for what went wrong. */
const LOOKED = 2000;

export class LogLines {
  /** How many lines there are, with one that has not ended yet. */
  get count(): number {
    return this._count + (this._tail ? 1 : 0);
  }

  /** How many characters there are. */
  get size(): number {
    return this._size;
  }

  /** How many rows the lines make with the folds as they are. */
  get rows(): number {
    const last = this._blocks.length - 1;
    const rows = last < 0 ? 0 : this._ends(last);
    return rows + (this._tail ? 1 : 0);
  }

  /** How many lines are the script's own. */
  get own(): number {
    return this._own + (this._tail ? 1 : 0);
  }

  /** The lines where something went wrong. */
  get failed(): readonly number[] {
    return this._failed;
  }

  /** Whether the script's lines come as it prints them. */
  get live(): boolean {
    return this._wasLive;
  }

  /** Whether the supervisor has spoken at all. */
  get supervised(): boolean {
    return this._part !== 'plain';
  }

  /** Add a piece; it may begin and end within a line. */
  append(piece: string): void {
    this._size += piece.length;
    const text = this._tail + piece;
    const end = text.lastIndexOf('\n');
    if (end < 0) {
      this._tail = text;
      return;
    }
    this._tail = text.slice(end + 1);
    const starts: number[] = [];
    for (let at = 0; at <= end; at = text.indexOf('\n', at) + 1) {
      starts.push(at);
    }
    const chunk: IChunk = {
      text: end + 1 === text.length ? text : text.slice(0, end + 1),
      first: this._count,
      starts: Uint32Array.from(starts),
      kinds: new Uint8Array(starts.length)
    };
    for (let i = 0; i < starts.length; i++) {
      const stop = (i + 1 < starts.length ? starts[i + 1] : end + 1) - 1;
      const kind = this._judge(chunk.text, starts[i], stop, i);
      chunk.kinds[i] = kind;
      this._place(this._count + i, kind);
    }
    this._chunks.push(chunk);
    this._count += starts.length;
  }

  /** Forget everything. */
  clear(): void {
    this._chunks = [];
    this._blocks = [];
    this._summed = 0;
    this._failed = [];
    this._tail = '';
    this._count = this._size = this._own = 0;
    this._last = -1;
    this._part = 'plain';
    this._wasLive = false;
  }

  kind(line: number): Kind {
    const chunk = this._chunk(line);
    return (chunk?.kinds[line - chunk.first] ?? Kind.Own) as Kind;
  }

  /** A line without its stamp, and without what a carriage return overwrote. */
  text(line: number): string {
    const chunk = this._chunk(line);
    if (!chunk) {
      return overwritten(this._tail);
    }
    const at = line - chunk.first;
    const stop =
      at + 1 < chunk.starts.length ? chunk.starts[at + 1] : undefined;
    const start = chunk.starts[at] + (stamped(chunk.kinds[at]) ? STAMP : 0);
    return overwritten(
      chunk.text.slice(start, (stop ?? chunk.text.length) - 1)
    );
  }

  /** The row that stands at a place. */
  row(index: number): IRow {
    let low = 0;
    let high = this._blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._ends(middle) > index) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const block = this._blocks.length
      ? this._blocks[low]
      : { line: 0, lines: 0, fold: false, open: false };
    if (!this._blocks.length || index >= this._ends(low)) {
      return { line: this._count, folded: 0, open: false };
    }
    const at = index - (low ? this._ends(low - 1) : 0);
    if (!block.fold) {
      return { line: block.line + at, folded: 0, open: false };
    }
    return at === 0
      ? { line: block.line, folded: block.lines, open: block.open }
      : { line: block.line + at - 1, folded: 0, open: false };
  }

  /** Where a line stands; the row of its fold if that is closed. */
  rowOf(line: number): number {
    if (line >= this._count) {
      return this.rows - 1;
    }
    const index = this._blockOf(line);
    const block = this._blocks[index];
    const before = index ? this._ends(index - 1) : 0;
    if (!block.fold) {
      return before + line - block.line;
    }
    return block.open ? before + 1 + line - block.line : before;
  }

  /** Open or close the fold that a line is in; says whether there is one. */
  fold(line: number, open: boolean): boolean {
    const index = this._blockOf(line);
    const block = index < this._blocks.length ? this._blocks[index] : undefined;
    if (!block?.fold || block.open === open) {
      return false;
    }
    block.open = open;
    this._summed = Math.min(this._summed, index);
    return true;
  }

  /** The script failed: what it said last is where it went wrong. */
  fail(): boolean {
    const chunk = this._last < 0 ? undefined : this._chunk(this._last);
    const kind = this.kind(this._last);
    if (!chunk || kind >= Kind.Failed) {
      return false;
    }
    chunk.kinds[this._last - chunk.first] =
      kind === Kind.Stamped ? Kind.FailedStamped : Kind.Failed;
    this._failed.push(this._last);
    this._failed.sort((one, other) => one - other);
    return true;
  }

  /** How many pieces there are to look through. */
  get pieces(): number {
    return this._chunks.length;
  }

  /** The lines of a piece that hold what a pattern finds; it must be global. */
  find(pattern: RegExp, piece: number): number[] {
    const { text, starts, kinds, first } = this._chunks[piece];
    const found: number[] = [];
    let at = 0;
    pattern.lastIndex = 0;
    for (let hit = pattern.exec(text); hit; hit = pattern.exec(text)) {
      at = lineAt(starts, hit.index, at);
      const begin = starts[at] + (stamped(kinds[at]) ? STAMP : 0);
      if (hit.index < begin) {
        pattern.lastIndex = begin;
        continue;
      }
      found.push(first + at);
      // One match a line is enough.
      pattern.lastIndex = at + 1 < starts.length ? starts[at + 1] : text.length;
    }
    return found;
  }

  /** The text as it came, for saving. */
  blob(): Blob {
    return new Blob([...this._chunks.map(chunk => chunk.text), this._tail], {
      type: 'text/plain'
    });
  }

  /**
   * What a line is, by what came before it: at DEBUG the script's lines come
   * stamped after CONTAINER OUTPUT, and once more after "Creating response";
   * at INFO only there; at other levels the log is the script's own.
   */
  private _judge(
    text: string,
    start: number,
    stop: number,
    index: number
  ): Kind {
    if (stop - start < STAMP - 1 || !text.startsWith(SAYS, start + TIME)) {
      return this._judgeUnstamped(text, start, stop, index);
    }
    const level = start + TIME + SAYS.length;
    const debug = text.startsWith('DEBUG - ', level);
    if (debug && text.startsWith('CONTAINER OUTPUT', start + STAMP)) {
      this._part = 'live';
      this._wasLive = true;
      return Kind.Oscar;
    }
    if (this._part === 'live' && debug) {
      this._own++;
      this._last = this._count + index;
      return wrong(text, start + STAMP, stop)
        ? Kind.FailedStamped
        : Kind.Stamped;
    }
    const words = text.indexOf(' - ', level) + 3;
    if (text.slice(words, stop).trim() === 'Creating response') {
      this._part = this._wasLive ? 'again' : 'answer';
    } else if (this._part !== 'again') {
      this._part = 'said';
    }
    return /^(?:ERROR|CRITICAL) /.test(text.slice(level, level + 9))
      ? Kind.Failed
      : Kind.Oscar;
  }

  private _judgeUnstamped(
    text: string,
    start: number,
    stop: number,
    index: number
  ): Kind {
    if (this._part === 'again') {
      return Kind.Oscar;
    }
    const bad = wrong(text, start, stop);
    if (
      this._part === 'live' &&
      !this._own &&
      !text.slice(start, stop).trim()
    ) {
      return Kind.Oscar;
    }
    if (this._part === 'said') {
      if (bad && text.startsWith('Traceback', start)) {
        this._part = 'broken';
        return Kind.Failed;
      }
      return Kind.Oscar;
    }
    this._own++;
    if (stop > start) {
      this._last = this._count + index;
    }
    return bad ? Kind.Failed : Kind.Own;
  }

  private _place(line: number, kind: Kind): void {
    if (kind === Kind.Failed || kind === Kind.FailedStamped) {
      this._failed.push(line);
    }
    const fold = kind === Kind.Oscar;
    const index = this._blocks.length - 1;
    if (index >= 0 && this._blocks[index].fold === fold) {
      this._blocks[index].lines++;
      this._summed = Math.min(this._summed, index);
    } else {
      this._blocks.push({ line, lines: 1, fold, open: false, end: 0 });
    }
  }

  /** How many rows there are up to the end of a block. */
  private _ends(index: number): number {
    for (; this._summed <= index; this._summed++) {
      const { fold, open, lines } = this._blocks[this._summed];
      const before = this._summed ? this._blocks[this._summed - 1].end : 0;
      const rows = fold ? (open ? lines + 1 : 1) : lines;
      this._blocks[this._summed].end = before + rows;
    }
    return this._blocks[index].end;
  }

  private _blockOf(line: number): number {
    let low = 0;
    let high = this._blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._blocks[middle].line <= line) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private _chunk(line: number): IChunk | undefined {
    if (line >= this._count) {
      return undefined;
    }
    let low = 0;
    let high = this._chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._chunks[middle].first <= line) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return this._chunks[low];
  }

  private _chunks: IChunk[] = [];
  private _blocks: IBlock[] = [];
  /** So many blocks know where they end. */
  private _summed = 0;
  private _failed: number[] = [];
  private _tail = '';
  private _count = 0;
  private _size = 0;
  private _own = 0;
  /** The script's last line. */
  private _last = -1;
  private _part: 'plain' | 'said' | 'live' | 'again' | 'answer' | 'broken' =
    'plain';
  private _wasLive = false;
}

/** A piece that ends with a line; `starts` and `kinds` are by line. */
interface IChunk {
  text: string;
  first: number;
  starts: Uint32Array;
  kinds: Uint8Array;
}

/** Neighbouring lines that are folded together, or that are not folded. */
interface IBlock {
  line: number;
  lines: number;
  fold: boolean;
  open: boolean;
  end: number;
}

function stamped(kind: number): boolean {
  return kind === Kind.Stamped || kind === Kind.FailedStamped;
}

function wrong(text: string, start: number, stop: number): boolean {
  return WRONG.test(text.slice(start, Math.min(stop, start + LOOKED)));
}

/** What a terminal shows of a line: what stands after its last return. */
function overwritten(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf('\r') + 1);
}

function lineAt(starts: Uint32Array, offset: number, from: number): number {
  let low = from;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
