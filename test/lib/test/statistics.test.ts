import assert from 'node:assert/strict';
import { distribution, mean, median, percentiles, quantile, slope } from '../statistics.ts';

/** 100 … 1, in no order. */
const HUNDRED = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1);

describe('statistics', () => {
  const figures: readonly [string, unknown, unknown][] = [
    ['mean', mean([1, 2, 6]), 3],
    ['median of an odd number', median([9, 1, 4]), 4],
    ['median of an even number', median([9, 1, 4, 6]), 5],
    ['median of nothing', median([]), Number.NaN],
    ['quantile', quantile(HUNDRED, 0.95), 95],
    ['quantile of one', quantile([7], 0.01), 7],
    ['quantile of nothing', quantile([], 0.5), Number.NaN],
    ['distribution', distribution(HUNDRED), { median: 50, p95: 95, max: 100 }],
    ['percentiles', percentiles(HUNDRED.map((value) => value / 3)), { p50: 16.7, p95: 31.7, p99: 33 }],
    [
      'slope',
      slope([
        [0, 1],
        [2, 5],
        [4, 9],
      ]),
      2,
    ],
  ];
  for (const [what, found, expected] of figures) it(`gives the ${what}`, () => assert.deepEqual(found, expected));

  it('leaves its values in their order', () => {
    const values = [3, 1, 2];
    distribution(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});
