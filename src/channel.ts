import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { INews, IOscarChannel } from './tokens';

/**
 * The channel over a WebSocket, or over long polling where sockets are blocked.
 *
 * Open only while the tab is visible and somebody listens. Each topic keeps its
 * cursor, so what comes after a pause is only what was missed.
 */
export class Channel implements IOscarChannel, IDisposable {
  constructor(options: Channel.IOptions) {
    this._settings = options.serverSettings;
    document.addEventListener('visibilitychange', this._onVisibility);
  }

  get connected(): boolean {
    return this._connected;
  }

  get connectedChanged(): ISignal<this, boolean> {
    return this._connectedChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    document.removeEventListener('visibilitychange', this._onVisibility);
    this._topics.clear();
    this._close();
    Signal.clearData(this);
  }

  subscribe<T>(topic: string, tell: (news: INews<T>) => void): IDisposable {
    // A listener of its own, even if the same function listens twice.
    const listener: Private.Listener = news => {
      tell(news as INews<T>);
    };
    const known = this._topics.get(topic);
    if (known) {
      known.listeners.add(listener);
      // The whole, for one who comes later; a log is listened to from its begin.
      if (known.last) {
        const last = known.last;
        void Promise.resolve().then(() => {
          if (known.listeners.has(listener)) {
            listener(last);
          }
        });
      }
    } else {
      this._topics.set(topic, {
        cursor: '',
        listeners: new Set([listener]),
        last: undefined
      });
      this._say({ subscribe: topic, cursor: '' });
      this._open();
    }
    return new DisposableDelegate(() => {
      this._leave(topic, listener);
    });
  }

  refresh(topic: string): void {
    this._say({ refresh: topic });
  }

  private _leave(topic: string, listener: Private.Listener): void {
    const known = this._topics.get(topic);
    known?.listeners.delete(listener);
    if (known?.listeners.size === 0) {
      this._topics.delete(topic);
      this._polls.get(topic)?.abort();
      this._say({ unsubscribe: topic });
      if (this._topics.size === 0) {
        // Who turns from one page to another comes back in the same moment.
        window.setTimeout(() => {
          if (!this._wanted) {
            this._close();
          }
        }, Private.LINGER);
      }
    }
  }

  private readonly _onVisibility = (): void => {
    if (document.hidden) {
      this._close();
    } else {
      this._failures = 0;
      this._open();
    }
  };

  private get _wanted(): boolean {
    return !this._isDisposed && !document.hidden && this._topics.size > 0;
  }

  private _open(): void {
    if (!this._wanted || this._socket || this._timer !== undefined) {
      return;
    }
    if (this._failures >= Private.ENOUGH) {
      this._pollAll();
    }
    const socket = new this._settings.WebSocket(this._url());
    this._socket = socket;
    socket.onopen = () => {
      this._failures = 0;
      this._stopPolls();
      for (const [topic, known] of this._topics) {
        // A problem may be over, and what was before it is then said once more.
        const whole = known.last?.problem && !topic.startsWith('log/');
        const cursor = whole ? '' : known.cursor;
        socket.send(JSON.stringify({ subscribe: topic, cursor }));
      }
      this._setConnected(true);
    };
    socket.onmessage = event => {
      this._hear(String(event.data));
    };
    socket.onclose = () => {
      this._forgetSocket();
      this._failures += 1;
      if (this._failures >= Private.ENOUGH) {
        this._pollAll();
      } else {
        this._setConnected(false);
      }
      this._later();
    };
  }

  private _later(): void {
    if (!this._wanted) {
      return;
    }
    const most = Math.min(
      Private.LATEST,
      Private.SOONEST * 2 ** this._failures
    );
    this._timer = window.setTimeout(
      () => {
        this._timer = undefined;
        this._open();
      },
      // Many tabs shall not come back in the same moment.
      most * (0.5 + Math.random() / 2)
    );
  }

  private _close(): void {
    window.clearTimeout(this._timer);
    this._timer = undefined;
    this._stopPolls();
    const socket = this._socket;
    this._forgetSocket();
    socket?.close();
    this._setConnected(false);
  }

  private _forgetSocket(): void {
    if (this._socket) {
      this._socket.onopen = null;
      this._socket.onmessage = null;
      this._socket.onclose = null;
      this._socket = null;
    }
  }

  private _url(): string {
    const url = URLExt.join(this._settings.wsUrl, 'jupyter-oscar', 'channel');
    const token = this._settings.token;
    // As core does for kernels: a socket cannot carry a header.
    return this._settings.appendToken && token !== ''
      ? `${url}?token=${encodeURIComponent(token)}`
      : url;
  }

  private _say(said: Record<string, string>): void {
    if (this._socket?.readyState === Private.OPEN) {
      this._socket.send(JSON.stringify(said));
    } else if ('subscribe' in said && this._polling) {
      void this._poll(said.subscribe);
    }
  }

  private _hear(text: string): void {
    const news = JSON.parse(text) as INews<unknown> & { topic: string };
    const known = this._topics.get(news.topic);
    if (!known) {
      return;
    }
    if (news.cursor !== undefined) {
      known.cursor = news.cursor;
    }
    known.last = news;
    for (const listener of [...known.listeners]) {
      listener(news);
    }
  }

  private _setConnected(connected: boolean): void {
    if (this._connected !== connected) {
      this._connected = connected;
      this._connectedChanged.emit(connected);
    }
  }

  private _pollAll(): void {
    this._polling = true;
    for (const topic of this._topics.keys()) {
      void this._poll(topic);
    }
  }

  private _stopPolls(): void {
    this._polling = false;
    for (const poll of this._polls.values()) {
      poll.abort();
    }
    this._polls.clear();
  }

  /** Ask for a topic's next news, again and again. */
  private async _poll(topic: string): Promise<void> {
    if (this._polls.has(topic)) {
      return;
    }
    const stop = new AbortController();
    this._polls.set(topic, stop);
    let failures = 0;
    while (!stop.signal.aborted && this._topics.has(topic)) {
      let pause = Private.BETWEEN;
      try {
        const known = this._topics.get(topic);
        const query = URLExt.objectToQueryString({
          topic,
          cursor: known?.cursor ?? ''
        });
        const answer = await ServerConnection.makeRequest(
          URLExt.join(this._settings.baseUrl, 'jupyter-oscar', 'poll') + query,
          { signal: stop.signal },
          this._settings
        );
        if (!answer.ok) {
          throw new Error(answer.statusText);
        }
        failures = 0;
        this._setConnected(true);
        if (answer.status !== 204) {
          const text = await answer.text();
          pause = text.includes('"problem"') ? Private.TROUBLED : pause;
          this._hear(text);
        }
      } catch {
        failures += 1;
        if (this._polling) {
          this._setConnected(false);
        }
        pause = Math.min(Private.LATEST, Private.SOONEST * 2 ** failures);
      }
      await new Promise(resolve => {
        window.setTimeout(resolve, pause);
      });
    }
    if (this._polls.get(topic) === stop) {
      this._polls.delete(topic);
    }
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _topics = new Map<string, Private.ITopic>();
  private readonly _polls = new Map<string, AbortController>();
  private readonly _connectedChanged = new Signal<this, boolean>(this);
  private _socket: WebSocket | null = null;
  private _timer: number | undefined;
  private _failures = 0;
  private _polling = false;
  private _connected = false;
  private _isDisposed = false;
}

export namespace Channel {
  export interface IOptions {
    serverSettings: ServerConnection.ISettings;
  }
}

export const channelPlugin: JupyterFrontEndPlugin<IOscarChannel> = {
  id: 'jupyter-oscar:channel',
  description: 'Provides the channel that brings news of OSCAR clusters.',
  autoStart: true,
  provides: IOscarChannel,
  activate: (app: JupyterFrontEnd) =>
    new Channel({ serverSettings: app.serviceManager.serverSettings })
};

namespace Private {
  export type Listener = (news: INews<unknown>) => void;

  export interface ITopic {
    cursor: string;
    readonly listeners: Set<Listener>;
    /** What was last said. */
    last: INews<unknown> | undefined;
  }

  /** Milliseconds between two tries, at least and at most. */
  export const SOONEST = 500;
  export const LATEST = 30_000;
  /** Sockets that failed in a row before long polling begins; they are tried on. */
  export const ENOUGH = 3;
  /** Milliseconds between two polls of a topic, and after a problem was said. */
  export const BETWEEN = 1000;
  export const TROUBLED = 10_000;
  export const OPEN = 1;
  /** Milliseconds for which a socket stays open that nobody listens to. */
  export const LINGER = 300;
}
