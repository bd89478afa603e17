import { IStateDB } from '@jupyterlab/statedb';

import { Live, Model } from '../../src/model';
import { INews, IOscarChannel, IOscarClient } from '../../src/tokens';
import { ClusterRow, Health, Problem } from '../../src/types';

const PROBLEM: Problem = {
  code: 'unreachable',
  message: 'oscar.example.org does not answer.',
  hint: '',
  upstream_status: null,
  line: null
};

/** A channel whose news a test says. */
class FakeChannel {
  readonly tellers = new Map<string, (news: INews<unknown>) => void>();
  readonly refreshed: string[] = [];

  subscribe(topic: string, tell: (news: INews<unknown>) => void) {
    this.tellers.set(topic, tell);
    return {
      isDisposed: false,
      dispose: () => {
        this.tellers.delete(topic);
      }
    };
  }

  refresh(topic: string): void {
    this.refreshed.push(topic);
  }

  say(topic: string, news: INews<unknown>): void {
    this.tellers.get(topic)?.(news);
  }

  get topics(): string[] {
    return [...this.tellers.keys()];
  }

  get it(): IOscarChannel {
    return this as unknown as IOscarChannel;
  }
}

const cluster = (name: string, state: ClusterRow['state'] = 'ok') =>
  ({ name, state }) as ClusterRow;

describe('a live list', () => {
  it('keeps its rows through a problem, and knows since when', () => {
    const channel = new FakeChannel();
    const live = new Live<number>(channel.it);
    live.follow('services/vega');
    live.watch(true);
    channel.say('services/vega', { data: [1, 2] });
    channel.say('services/vega', { problem: PROBLEM });
    const since = live.since;
    channel.say('services/vega', { problem: PROBLEM });

    expect(live.rows).toEqual([1, 2]);
    expect(live.problem).toBe(PROBLEM);
    expect(since).toBeDefined();
    expect(live.since).toBe(since);

    channel.say('services/vega', { data: [] });
    expect(live.rows).toEqual([]);
    expect(live.problem).toBeUndefined();
    expect(live.since).toBeUndefined();
  });

  it('forgets what came of another topic', () => {
    const channel = new FakeChannel();
    const live = new Live<number>(channel.it);
    live.follow('services/vega');
    live.watch(true);
    channel.say('services/vega', { data: [1] });
    live.follow('services/altair');

    expect(channel.topics).toEqual(['services/altair']);
    expect(live.rows).toBeUndefined();
  });

  it('has looked at now only what it listens to', () => {
    const channel = new FakeChannel();
    const live = new Live<number>(channel.it);
    live.follow('clusters');
    live.refresh();
    live.watch(true);
    live.refresh();

    expect(channel.refreshed).toEqual(['clusters']);
  });
});

describe('the model', () => {
  let channel: FakeChannel;
  let health: () => Promise<Health>;
  let kept: unknown;
  let model: Model;

  const make = (): Model =>
    new Model({
      channel: channel.it,
      client: { health: () => health() } as unknown as IOscarClient,
      state: {
        fetch: () => Promise.resolve(kept),
        save: (_: string, value: unknown) => {
          kept = value;
          return Promise.resolve();
        }
      } as unknown as IStateDB
    });
  const settled = () => new Promise(resolve => setTimeout(resolve, 0));

  beforeEach(() => {
    channel = new FakeChannel();
    health = () => Promise.resolve({} as Health);
    kept = undefined;
    model = make();
  });

  afterEach(() => {
    model.dispose();
  });

  it('asks for nothing until somebody looks, and stops with the last who does', async () => {
    await settled();
    expect(channel.topics).toEqual([]);

    const one = model.look();
    const other = model.look();
    await settled();
    expect(channel.topics).toEqual(['clusters', 'flows']);

    one.dispose();
    expect(channel.topics).toEqual(['clusters', 'flows']);
    other.dispose();
    expect(channel.topics).toEqual([]);
  });

  it('listens to nothing for one who looked only for a moment', async () => {
    model.look().dispose();
    await settled();

    expect(channel.topics).toEqual([]);
  });

  it('shows the first cluster that is well, and remembers which one was chosen', async () => {
    model.look();
    await settled();
    channel.say('clusters', {
      data: [cluster('altair', 'unreachable'), cluster('vega')]
    });
    expect(model.current).toBe('vega');
    expect(channel.topics.sort()).toEqual([
      'calls/vega',
      'clusters',
      'flows',
      'services/vega'
    ]);

    model.current = 'altair';
    const next = make();
    await settled();
    expect(next.current).toBe('altair');
  });

  it('leaves a cluster that is gone, and no cluster that only does not answer', async () => {
    model.look();
    await settled();
    channel.say('clusters', { data: [cluster('altair'), cluster('vega')] });
    model.current = 'vega';
    channel.say('clusters', {
      data: [cluster('altair'), cluster('vega', 'unreachable')]
    });
    expect(model.current).toBe('vega');

    channel.say('clusters', { data: [cluster('altair')] });
    expect(model.current).toBe('altair');
    channel.say('clusters', { data: [] });
    expect(model.current).toBeUndefined();
    expect(channel.topics).toEqual(['clusters', 'flows']);
  });

  it('says why there is no server half, and asks again when told to', async () => {
    health = () => Promise.reject(new Error('odd'));
    model.look();
    await settled();
    expect(model.healthProblem?.message).toContain('odd');
    expect(channel.topics).toEqual([]);

    health = () => Promise.resolve({} as Health);
    await model.retry();
    expect(model.healthProblem).toBeUndefined();
    expect(channel.topics).toEqual(['clusters', 'flows']);
  });

  it('forgets what was selected on another cluster', () => {
    model.current = 'vega';
    model.select({ service: 'gray' });
    model.select({ service: 'gray', id: '1' });
    model.current = 'altair';

    expect(model.selectedService).toBeUndefined();
    expect(model.selectedCall).toBeUndefined();
  });
});
