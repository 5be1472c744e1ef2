import assert from 'node:assert/strict';
import { seededRandom } from '../../src/time/random.ts';

describe('seeded randomness', () => {
  it('is the same for the same seed, on every machine', () => {
    const random = seededRandom(42);
    assert.deepEqual([random(), random(), random()], [0.6011037519201636, 0.44829055899754167, 0.8524657934904099]);
  });

  it('is uniform in [0, 1)', () => {
    const random = seededRandom(1);
    const buckets = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 100_000; draw++) buckets[Math.floor(random() * 10)]!++;
    for (const count of buckets) assert.ok(Math.abs(count - 10_000) < 500, buckets.join(' '));
  });
});
