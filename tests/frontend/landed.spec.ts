import { landed } from '../../src/buckets/landed';
import cases from '../resources/anew.json';

type Said = [number, number, string];

describe('landed', () => {
  const page = ([size, modified, etag]: Said) => ({
    folders: [],
    objects: [{ key: 'a', size, modified, etag }],
    cursor: null
  });

  // The rule of the client: tests/unit/test_changes.py.
  for (const [name, before, now, isAnew] of cases as [
    string,
    Said,
    Said,
    boolean
  ][]) {
    it(name, () => {
      expect(landed(page(before), page(now)).length > 0).toBe(isAnew);
    });
  }
});
