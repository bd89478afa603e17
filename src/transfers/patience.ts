import { OscarError } from '../tokens';

/** For how many milliseconds something is tried again, and how much later at first; then it waits, and says so. */
const PATIENCE = 15_000;
const WAIT = 500;

const PASSING = [
  'storage-failed',
  'unreachable',
  'timed-out',
  'server-missing'
];
/** What proxies say of a server that restarts. */
const AWAY = [502, 503, 504];

export function codeOf(reason: unknown): string | undefined {
  return reason instanceof OscarError ? reason.problem.code : undefined;
}

/** Whether what failed may go well in a while. */
export function passes(reason: unknown): boolean {
  return (
    reason instanceof OscarError &&
    (PASSING.includes(reason.problem.code) ||
      (reason.problem.code === 'failed' &&
        AWAY.includes(reason.response?.status ?? 0)))
  );
}

/**
 * Try again what may pass by itself: a line that broke, a storage or a server that
 * restarts. Whoever got on meanwhile, as `done` counts, has all that time again.
 */
export async function patiently<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  done: () => number = () => 0
): Promise<T> {
  let since = Date.now();
  for (let wait = WAIT; ; wait *= 2) {
    const before = done();
    try {
      return await attempt();
    } catch (reason) {
      if (done() > before) {
        [since, wait] = [Date.now(), WAIT];
      }
      const late = Date.now() + wait - since > PATIENCE;
      if (signal.aborted || late || !passes(reason)) {
        throw reason;
      }
      await pause(wait, signal);
    }
  }
}

/** Wait, or stop waiting with the rest. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
