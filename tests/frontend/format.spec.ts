import { nullTranslator } from '@jupyterlab/translation';

import { ago, duration, number, size, span, word } from '../../src/format';

const trans = nullTranslator.load('jupyter_oscar');

it.each([
  [0.31, '0.3 s'],
  [4, '4 s'],
  [9.96, '10.0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [190, '3 min 10 s'],
  [3600, '1 h'],
  [7500, '2 h 5 min']
])('a duration of %p seconds is "%s"', (seconds, said) => {
  expect(duration(seconds, trans)).toBe(said);
});

it.each([
  [-3, '0 s'],
  [40, '40 s'],
  [43 * 60 + 59, '43 min'],
  [4 * 3600, '4 h']
])('a span of %p seconds is "%s"', (seconds, said) => {
  expect(span(seconds, trans)).toBe(said);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1400, '1.4 kB'],
  [999_600, '1.0 MB'],
  [46_000_000, '46 MB']
])('%p bytes are "%s"', (bytes, said) => {
  expect(size(bytes)).toBe(said);
});

it('a moment is told from now up to a day, then by its date', () => {
  const now = Date.now() / 1000;

  expect(ago(now - 2, trans)).toBe('now');
  expect(ago(now - 190, trans)).toBe('3 min ago');
  expect(ago(now - 90_000, trans)).toMatch(/\d{4}/);
});

it('numbers are written as the person does, words that are unknown stay as they came', () => {
  expect(number(1234.5, 1)).toBe('1,234.5');
  expect(word('lost', trans)).toBe('lost');
  expect(word('Evicted', trans)).toBe('Evicted');
});
