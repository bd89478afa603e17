import { pause } from './patience';
import { ITransfer } from './tokens';

/** Milliseconds until it is looked whether what waits can go on: at first, and at most. */
const SOON = 2000;
const LATE = 30_000;

/** Lets what waits for a sign-in, or for a storage that is away, go on by itself. */
export class Waiting {
  constructor(private readonly _options: Waiting.IOptions) {}

  /** Something waits for a cluster. */
  add(cluster: string): void {
    if (!this._looking.has(cluster)) {
      void this._look(cluster);
    }
  }

  /** Look at once rather than in a while. */
  look(cluster: string): void {
    this._looking.get(cluster)?.abort();
  }

  private async _look(cluster: string): Promise<void> {
    const { answers, goOn, rows } = this._options;
    const went = this._went.get(cluster);
    const vain = went && sent(rows(cluster)) <= went.sent;
    for (let ms = vain ? later(went.ms) : SOON; ; ms = later(ms)) {
      const early = new AbortController();
      this._looking.set(cluster, early);
      await pause(ms, early.signal);
      const first = rows(cluster).at(0);
      if (!first) {
        break;
      }
      if (await answers(first)) {
        const waiting = rows(cluster);
        this._went.set(cluster, { ms, sent: sent(waiting) });
        waiting.forEach(goOn);
        break;
      }
    }
    this._looking.delete(cluster);
  }

  private readonly _looking = new Map<string, AbortController>();
  /** After which wait it went on, and with how much: what goes on in vain is looked at less often. */
  private readonly _went = new Map<string, { ms: number; sent: number }>();
}

function later(ms: number): number {
  return Math.min(2 * ms, LATE);
}

function sent(rows: ITransfer[]): number {
  return rows.reduce((sum, row) => sum + row.sent, 0);
}

export namespace Waiting {
  export interface IOptions {
    /** What waits for a cluster. */
    rows: (cluster: string) => ITransfer[];
    /** Whether what one of these needs is there. */
    answers: (row: ITransfer) => Promise<boolean>;
    goOn: (row: ITransfer) => void;
  }
}
