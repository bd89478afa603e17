import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { INews, IOscarChannel } from '../../tokens';
import { Problem } from '../../types';
import { LogLines } from './lines';

/** What the server says of a log. */
interface IPiece {
  text: string;
  over: boolean;
}

/** What has changed: more lines, other lines, or what is to be said of them. */
export type Change = 'more' | 'other' | 'said';

/**
 * The text of one log, however many views show it. It is read while one of them
 * is seen, and kept while one of them is there.
 */
export class LogSource {
  constructor(
    private readonly channel: IOscarChannel | null = null,
    private readonly topic = ''
  ) {}

  /** The source of a topic; give it back with `release`. */
  static of(channel: IOscarChannel, topic: string): LogSource {
    let known = Private.sources.get(channel);
    if (!known) {
      known = new Map();
      Private.sources.set(channel, known);
    }
    let source = known.get(topic);
    if (!source) {
      source = new LogSource(channel, topic);
      known.set(topic, source);
    }
    source._users++;
    return source;
  }

  readonly lines = new LogLines();

  /** Whether nothing more will come. */
  get over(): boolean {
    return this._over;
  }

  get problem(): Problem | undefined {
    return this._problem;
  }

  get changed(): ISignal<this, Change> {
    return this._changed;
  }

  release(): void {
    this._users--;
    if (this._users <= 0) {
      this._stop();
      this.lines.clear();
      Signal.clearData(this);
      if (this.channel) {
        Private.sources.get(this.channel)?.delete(this.topic);
      }
    }
  }

  /** A view is seen from now, or no longer. */
  look(on: boolean): void {
    this._lookers += on ? 1 : -1;
    if (this._lookers === 0) {
      this._stop();
    } else if (on && !this._listening && !this._over && this.channel) {
      // Whoever subscribes anew is told all anew; what was read is left out.
      this._at = 0;
      this._listening = this.channel.subscribe<IPiece>(this.topic, news => {
        this._hear(news);
      });
    }
  }

  /** Have the log looked at now. */
  refresh(): void {
    if (this._listening) {
      this.channel?.refresh(this.topic);
    }
  }

  append(text: string): void {
    this.lines.append(text);
    this._changed.emit('more');
  }

  clear(): void {
    this.lines.clear();
    this._changed.emit('other');
  }

  /** The cursor counts characters as Python does. */
  private _hear({ cursor, data, problem }: INews<IPiece>): void {
    this._problem = problem;
    if (data) {
      const end = Number(cursor);
      const characters = Array.from(data.text);
      if (end - characters.length < this._at) {
        // Another log than the one that was read.
        this._read = 0;
        this.clear();
      }
      this._at = end;
      const fresh = Math.min(characters.length, end - this._read);
      if (fresh > 0) {
        this._read = end;
        this.append(
          fresh === characters.length
            ? data.text
            : characters.slice(characters.length - fresh).join('')
        );
      }
      if (data.over && !this._over) {
        this._over = true;
        // Not while the channel is telling.
        queueMicrotask(() => {
          this._stop();
        });
      }
    }
    this._changed.emit('said');
  }

  private _stop(): void {
    this._listening?.dispose();
    this._listening = undefined;
  }

  private readonly _changed = new Signal<this, Change>(this);
  private _listening: IDisposable | undefined;
  private _problem: Problem | undefined;
  private _over = false;
  private _users = 0;
  private _lookers = 0;
  /** Up to where the log was read, and told since one subscribed. */
  private _read = 0;
  private _at = 0;
}

namespace Private {
  export const sources = new WeakMap<IOscarChannel, Map<string, LogSource>>();
}
