import assert from 'node:assert/strict';
import { reconnectDelays } from '../../src/connection/backoff.ts';
import { seededRandom } from '../../../common/src/time/random.ts';

describe('the reconnect schedule', () => {
  it('is 1, 2, 4, 8, then every 2 s, with a last attempt before the window closes', () => {
    const starts = offsets([...reconnectDelays(() => 0.5)]);
    assert.deepEqual(
      starts,
      [1000, 3000, 7000, 15_000, 17_000, 19_000, 21_000, 23_000, 25_000, 27_000, 29_000, 29_300],
    );
  });

  it('keeps its jitter small, and always has an attempt in the last second', () => {
    for (let seed = 0; seed < 500; seed++) {
      const starts = offsets([...reconnectDelays(seededRandom(seed))]);
      assert.ok(Math.abs(starts[0]! - 1000) <= 50);
      assert.ok(Math.abs(starts[3]! - 15_000) <= 750);
      const last = starts.at(-1)!;
      assert.ok(last >= 29_000 && last < 30_000, `seed ${seed}: ${last}`);
      for (let index = 1; index < starts.length; index++) assert.ok(starts[index]! - starts[index - 1]! <= 8_400);
    }
  });
});

function offsets(delays: readonly number[]): number[] {
  let sum = 0;
  return delays.map((delay) => (sum += delay));
}
