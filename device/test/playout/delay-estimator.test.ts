import assert from 'node:assert/strict';
import { seededRandom } from '../../../common/src/time/random.ts';
import { DelayEstimator } from '../../src/playout/delay-estimator.ts';

/** Feeds packets of 20 ms whose delay is `delayOf(index)`; in order, as a trace is. */
function fed(count: number, delayOf: (index: number) => number, driftPpm = 0): DelayEstimator {
  const estimator = new DelayEstimator();
  let latest = 0;
  for (let index = 0; index < count; index++) {
    const sentMs = index * 20 * (1 + driftPpm / 1e6);
    latest = Math.max(latest, 1_000 + sentMs + delayOf(index));
    estimator.arrived(index * 20, latest);
  }
  return estimator;
}

describe('DelayEstimator', () => {
  const stall = (everyMs: number, lengthMs: number) => (index: number) =>
    Math.max(0, lengthMs - ((index * 20) % everyMs));
  const rows = [
    { name: 'a clean path needs next to nothing', delay: () => 0.5, min: 0, max: 20 },
    { name: 'jitter up to 20 ms', delay: (index: number) => (index * 7) % 20, min: 20, max: 35 },
    { name: 'a stall of 200 ms every 5 s is bridged', delay: stall(5_000, 200), min: 150, max: 220 },
    { name: 'one of 500 ms every 10 s is bridged for the most part', delay: stall(10_000, 500), min: 200, max: 420 },
    {
      name: 'one of 950 ms every 15 s is not: it would cost three quarters of a second always',
      delay: stall(15_000, 950),
      min: 0,
      max: 300,
    },
    { name: 'a stall of 200 ms every 60 s is not', delay: stall(60_000, 200), min: 0, max: 80 },
  ];
  for (const { name, delay, min, max } of rows) {
    it(name, () => {
      const { targetMs } = fed(4_000, delay);
      assert.ok(targetMs >= min && targetMs <= max, `${targetMs} ms, want ${min} to ${max}`);
    });
  }

  it('begins with 100 ms', () => assert.equal(fed(10, () => 0).targetMs, 100));

  it('forgets: a path that was bad is clean again after a minute', () => {
    const random = seededRandom(1);
    const { targetMs } = fed(6_000, (index) => (index < 1_500 ? 100 * random() : 1));
    assert.ok(targetMs <= 40, `${targetMs} ms`);
  });

  it('follows a route that became longer', () => {
    const estimator = fed(1_000, (index) => (index < 500 ? 10 : 110));
    assert.ok(Math.abs(estimator.baseMs - 1_110) < 1, `${estimator.baseMs}`);
  });

  it('is not led astray by a clock that drifts by 500 ppm', () => {
    assert.ok(fed(20_000, () => 1, 500).targetMs <= 20);
    assert.ok(fed(20_000, () => 1, -500).targetMs <= 20);
  });
});
