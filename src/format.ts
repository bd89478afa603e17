import { TranslationBundle } from '@jupyterlab/translation';

const SECOND = 1000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in seconds: "4.2 s", "3 min 10 s", "2 h 5 min". */
export function duration(seconds: number, trans: TranslationBundle): string {
  if (seconds < 10) {
    return trans.__('%1 s', number(seconds, seconds % 1 === 0 ? 0 : 1));
  }
  if (seconds < MINUTE) {
    return trans.__('%1 s', Math.floor(seconds));
  }
  if (seconds < HOUR) {
    const rest = Math.floor(seconds % MINUTE);
    const minutes = Math.floor(seconds / MINUTE);
    return rest > 0
      ? trans.__('%1 min %2 s', minutes, rest)
      : trans.__('%1 min', minutes);
  }
  const hours = Math.floor(seconds / HOUR);
  const rest = Math.floor((seconds % HOUR) / MINUTE);
  return rest > 0
    ? trans.__('%1 h %2 min', hours, rest)
    : trans.__('%1 h', hours);
}

/** A span in one unit, for what need not be exact: "40 s", "4 min", "3 h". */
export function span(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < MINUTE
    ? trans.__('%1 s', whole)
    : whole < HOUR
      ? trans.__('%1 min', Math.floor(whole / MINUTE))
      : trans.__('%1 h', Math.floor(whole / HOUR));
}

/** A moment in seconds since 1970: "3 min ago" up to a day, then its date. */
export function ago(moment: number, trans: TranslationBundle): string {
  const passed = Date.now() / SECOND - moment;
  if (passed < 5) {
    return trans.__('now');
  }
  if (passed >= DAY) {
    return new Date(moment * SECOND).toLocaleDateString(undefined, {
      day: 'numeric',
      month: 'short',
      year: 'numeric'
    });
  }
  return trans.__('%1 ago', span(passed, trans));
}

/** A moment in seconds since 1970, exactly. */
export function exactly(moment: number): string {
  return new Date(moment * SECOND).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium'
  } as Intl.DateTimeFormatOptions);
}

/** A number of bytes: "312 B", "1.4 MB". */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, unit > 0 && value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A number in the person's own notation. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString(undefined, {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits
  });
}

/** A word of the wire as a person's language has it; unknown ones stay as they came. */
export function word(said: string, trans: TranslationBundle): string {
  switch (said) {
    case 'queued':
      return trans.__('queued');
    case 'pending':
      return trans.__('pending');
    case 'running':
      return trans.__('running');
    case 'done':
      return trans.__('done');
    case 'failed':
      return trans.__('failed');
    case 'cancelled':
      return trans.__('cancelled');
    case 'lost':
      return trans.__('lost');
    case 'unknown':
      return trans.__('unknown');
    case 'stopped':
      return trans.__('stopped');
    // OSCAR's own words of an exposed service.
    case 'ready':
      return trans.__('running');
    case 'degraded':
      return trans.__('degraded');
    case 'unavailable':
      return trans.__('unavailable');
    case 'async':
      return trans.__('async');
    case 'sync':
      return trans.__('sync');
    case 'exposed':
      return trans.__('exposed');
    case 'private':
      return trans.__('private');
    case 'public':
      return trans.__('public');
    case 'restricted':
      return trans.__('restricted');
    default:
      return said;
  }
}
