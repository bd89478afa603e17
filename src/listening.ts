import { IDisposable } from '@lumino/disposable';

/** What says something of a topic each time that changes. */
export type Subscribe = (
  topic: string,
  tell: (said: unknown) => void
) => IDisposable;

/** Hears of one topic at a time: of what its owner shows, and of nothing while that is not seen. */
export class Listening implements IDisposable {
  constructor(private readonly _subscribe: Subscribe) {}

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this.hear(undefined, () => undefined);
    this._isDisposed = true;
  }

  /** Hear of that topic instead, or of none; what is heard already goes on. */
  hear(topic: string | undefined, tell: (said: unknown) => void): void {
    if (topic === this._topic || this._isDisposed) {
      return;
    }
    this._topic = topic;
    this._heard?.dispose();
    this._heard = topic === undefined ? null : this._subscribe(topic, tell);
  }

  private _topic: string | undefined;
  private _heard: IDisposable | null = null;
  private _isDisposed = false;
}
