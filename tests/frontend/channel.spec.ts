import { ServerConnection } from '@jupyterlab/services';

import { Channel } from '../../src/channel';
import { INews } from '../../src/tokens';
import { FakeSocket } from './socket';

/** Longer than the longest pause between two tries. */
const LONG = 31_000;

describe('the channel', () => {
  let asked: string[];
  let answer: () => Promise<Response>;
  let hidden: boolean;
  let channel: Channel;

  beforeEach(() => {
    jest.useFakeTimers();
    FakeSocket.made = [];
    asked = [];
    hidden = false;
    answer = () => Promise.resolve({ ok: true, status: 204 } as Response);
    jest.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden);
    channel = new Channel({
      serverSettings: ServerConnection.makeSettings({
        baseUrl: 'http://lab/deep/',
        wsUrl: 'ws://lab/deep/',
        token: 'a token',
        appendToken: true,
        fetch: (request: RequestInfo | URL) => {
          asked.push((request as Request).url);
          return answer();
        },
        WebSocket: FakeSocket as unknown as typeof WebSocket
      })
    });
  });

  afterEach(() => {
    channel.dispose();
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const listen = (topic: string): INews<unknown>[] => {
    const news: INews<unknown>[] = [];
    channel.subscribe(topic, one => news.push(one));
    return news;
  };

  const turnAway = (away: boolean): void => {
    hidden = away;
    document.dispatchEvent(new Event('visibilitychange'));
  };

  it('opens one socket for all topics, and none before somebody listens', () => {
    expect(FakeSocket.made).toHaveLength(0);
    listen('clusters');
    listen('services/vega');
    FakeSocket.last.open();

    expect(FakeSocket.made).toHaveLength(1);
    expect(FakeSocket.last.url).toBe(
      'ws://lab/deep/jupyter-oscar/channel?token=a%20token'
    );
    expect(FakeSocket.last.heard.map(said => said.subscribe)).toEqual([
      'clusters',
      'services/vega'
    ]);
  });

  it('tells each listener of its own topic, and one who comes later the last whole', async () => {
    const clusters = listen('clusters');
    const services = listen('services/vega');
    FakeSocket.last.open().say({ topic: 'clusters', cursor: '1', data: [1] });
    const later = listen('clusters');
    await Promise.resolve();

    expect(clusters).toHaveLength(1);
    expect(services).toHaveLength(0);
    expect(later).toEqual(clusters);
    expect(FakeSocket.last.heard).toHaveLength(2);
  });

  it('resumes after a pause at the cursor it had read to', () => {
    listen('log/vega/gray/1');
    FakeSocket.last.open().say({ topic: 'log/vega/gray/1', cursor: '120' });
    FakeSocket.last.lose();
    jest.advanceTimersByTime(LONG);
    FakeSocket.last.open();

    expect(FakeSocket.made).toHaveLength(2);
    expect(FakeSocket.last.heard).toEqual([
      { subscribe: 'log/vega/gray/1', cursor: '120' }
    ]);
  });

  it('asks for the whole again where it last heard of a problem', () => {
    listen('clusters');
    const socket = FakeSocket.last.open();
    socket.say({ topic: 'clusters', cursor: '7', data: [] });
    socket.say({ topic: 'clusters', problem: { code: 'unreachable' } });
    socket.lose();
    jest.advanceTimersByTime(LONG);
    FakeSocket.last.open();

    expect(FakeSocket.last.heard).toEqual([
      { subscribe: 'clusters', cursor: '' }
    ]);
  });

  it('waits longer after each failure, never more than half a minute, and says whether it is connected', () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const heard: boolean[] = [];
    channel.connectedChanged.connect((_, connected) => heard.push(connected));
    listen('clusters');
    FakeSocket.last.open().lose();
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      const before = FakeSocket.made.length;
      let pause = 0;
      for (; FakeSocket.made.length === before; pause += 500) {
        jest.advanceTimersByTime(500);
      }
      pauses.push(pause);
      FakeSocket.last.lose();
    }

    expect(heard).toEqual([true, false]);
    expect(pauses.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(Math.max(...pauses)).toBe(30_000);
  });

  it('polls where sockets are blocked, and stops that once one opens', async () => {
    answer = () =>
      Promise.resolve({
        ok: true,
        status: 200,
        text: () =>
          Promise.resolve('{"topic": "clusters", "cursor": "3", "data": [1]}')
      } as Response);
    const news = listen('clusters');
    for (let tries = 0; tries < 3; tries++) {
      FakeSocket.last.lose();
      await jest.advanceTimersByTimeAsync(LONG);
    }
    expect(news[0]).toMatchObject({ data: [1] });
    expect(channel.connected).toBe(true);
    expect(asked[0]).toMatch(
      /^http:\/\/lab\/deep\/jupyter-oscar\/poll\?topic=clusters&cursor=?(&\d+)?$/
    );
    expect(asked[1]).toContain('cursor=3');

    FakeSocket.last.open();
    const before = asked.length;
    await jest.advanceTimersByTimeAsync(LONG);
    expect(asked).toHaveLength(before);
  });

  it('asks more and more seldom when polls fail too', async () => {
    answer = () => Promise.reject(new Error('no network'));
    listen('clusters');
    for (let tries = 0; tries < 3; tries++) {
      FakeSocket.last.lose();
      await jest.advanceTimersByTimeAsync(LONG);
    }
    const before = asked.length;
    await jest.advanceTimersByTimeAsync(4 * LONG);

    expect(asked.length - before).toBeLessThan(8);
    expect(channel.connected).toBe(false);
  });

  it('costs nothing while the tab is hidden, and goes on when it is seen again', () => {
    listen('clusters');
    const socket = FakeSocket.last.open();
    turnAway(true);
    jest.advanceTimersByTime(10 * LONG);
    expect(socket.readyState).toBe(3);
    expect(FakeSocket.made).toHaveLength(1);

    turnAway(false);
    expect(FakeSocket.made).toHaveLength(2);
  });

  it('keeps the socket for one who turns from page to page, and closes it when nobody listens', () => {
    const first = channel.subscribe('services/vega', () => undefined);
    const socket = FakeSocket.last.open();
    first.dispose();
    const next = channel.subscribe('calls/vega', () => undefined);
    jest.advanceTimersByTime(LONG);
    expect(socket.readyState).toBe(1);
    expect(socket.heard.slice(1)).toEqual([
      { unsubscribe: 'services/vega' },
      { subscribe: 'calls/vega', cursor: '' }
    ]);

    next.dispose();
    jest.advanceTimersByTime(LONG);
    expect(socket.readyState).toBe(3);
  });

  it('is silent once it is disposed', () => {
    const news = listen('clusters');
    const socket = FakeSocket.last.open();
    channel.dispose();
    socket.say({ topic: 'clusters', cursor: '1', data: [] });
    turnAway(false);

    expect(news).toHaveLength(0);
    expect(FakeSocket.made).toHaveLength(1);
  });
});
