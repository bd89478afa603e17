import { Kind, LogLines } from '../../src/jobs/log/lines';

const STAMP = '2026-11-25 08:47:01,412 - supervisor - ';

/** A log as a supervisor at DEBUG writes it. */
function supervised(...own: string[]): LogLines {
  const lines = new LogLines();
  lines.append(
    [
      `${STAMP}INFO - SUPERVISOR: Initializing AWS Batch/Local`,
      `${STAMP}INFO - Reading event`,
      `${STAMP}DEBUG - CONTAINER OUTPUT:`,
      ...own.map(line => `${STAMP}DEBUG - ${line}`),
      ''
    ].join('\n')
  );
  return lines;
}

function texts(lines: LogLines): string[] {
  return Array.from({ length: lines.count }, (_, at) => lines.text(at));
}

describe('LogLines', () => {
  it('puts lines together whatever pieces they come in', () => {
    const lines = new LogLines();
    for (const piece of ['on', 'e\ntw', 'o\n\nthr', 'ee']) {
      lines.append(piece);
    }
    expect(texts(lines)).toEqual(['one', 'two', '', 'three']);
    expect(lines.size).toBe('one\ntwo\n\nthree'.length);
    lines.append('!\n');
    expect(lines.text(3)).toBe('three!');
    expect(lines.count).toBe(4);
  });

  it('shows of a line what a terminal does', () => {
    const lines = new LogLines();
    lines.append('10 %\r50 %\r100 %\nplain\r\n');
    expect(texts(lines)).toEqual(['100 %', 'plain']);
  });

  it("folds OSCAR's lines and shows the script's own without their stamp", () => {
    const lines = supervised('hello', 'world');
    expect(lines.live).toBe(true);
    expect(lines.own).toBe(2);
    expect(lines.rows).toBe(3);
    expect(lines.row(0)).toEqual({ line: 0, folded: 3, open: false });
    expect(lines.text(lines.row(1).line)).toBe('hello');
    expect(lines.kind(3)).toBe(Kind.Stamped);
  });

  it('opens a fold and closes it, and knows where each line then stands', () => {
    const lines = supervised('hello');
    expect(lines.rowOf(3)).toBe(1);
    expect(lines.fold(1, true)).toBe(true);
    expect(lines.fold(1, true)).toBe(false);
    expect(lines.rows).toBe(5);
    expect(lines.row(0)).toEqual({ line: 0, folded: 3, open: true });
    expect(lines.row(2)).toEqual({ line: 1, folded: 0, open: false });
    expect(lines.rowOf(3)).toBe(4);
    lines.fold(0, false);
    expect(lines.rowOf(2)).toBe(0);
    expect(lines.fold(3, true)).toBe(false);
  });

  it('marks what went wrong, and the last line of a script that failed', () => {
    const lines = supervised('ValueError: no', 'fine', 'bye');
    expect(lines.failed).toEqual([3]);
    expect(lines.fail()).toBe(true);
    expect(lines.failed).toEqual([3, 5]);
    expect(lines.kind(5)).toBe(Kind.FailedStamped);
    expect(lines.fail()).toBe(false);
  });

  it('folds what OSCAR repeats of the answer', () => {
    const lines = supervised('hello');
    lines.append(`${STAMP}INFO - Creating response\nhello\n`);
    expect(lines.own).toBe(1);
    expect(lines.kind(lines.count - 1)).toBe(Kind.Oscar);
  });

  it('finds each line once, and nothing in the stamps', () => {
    const lines = supervised('see me, me', 'not', 'supervisor');
    const found = (words: RegExp) =>
      Array.from({ length: lines.pieces }, (_, at) =>
        lines.find(words, at)
      ).flat();
    expect(found(/me/g)).toEqual([3]);
    expect(found(/DEBUG/g)).toEqual([2]);
    expect(found(/nothing/g)).toEqual([]);
  });

  it('forgets everything', () => {
    const lines = supervised('hello');
    lines.clear();
    expect([lines.count, lines.rows, lines.size, lines.own]).toEqual([
      0, 0, 0, 0
    ]);
    lines.append('again\n');
    expect(lines.kind(0)).toBe(Kind.Own);
  });
});
