import assert from 'node:assert/strict';
import sinon from 'sinon';
import { systemClock } from '../../src/time/clock.ts';

/** The system clock on fake timers: nothing here waits. */
describe('the system clock', () => {
  let fake: sinon.SinonFakeTimers;
  beforeEach(() => {
    fake = sinon.useFakeTimers({
      now: 1_700_000_000_000,
      toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    });
  });
  afterEach(() => fake.restore());

  it('tells a monotonic time and a wall time', () => {
    const startMs = systemClock.now();
    fake.tick(1_234);
    assert.equal(systemClock.now() - startMs, 1_234);
    assert.equal(systemClock.wallTime(), 1_700_000_001_234);
  });

  it('runs a callback once, after its delay', () => {
    const callback = sinon.spy();
    systemClock.after(50, callback);
    fake.tick(49);
    assert.equal(callback.callCount, 0);
    fake.tick(1_000);
    assert.equal(callback.callCount, 1);
  });

  it('takes a delay in the past as none', () => {
    const callback = sinon.spy();
    systemClock.after(-10, callback);
    fake.tick(1);
    assert.equal(callback.callCount, 1);
  });

  it('does not run what was cancelled, and takes a late cancel', () => {
    const callback = sinon.spy();
    const timer = systemClock.after(10, callback);
    timer.cancel();
    fake.tick(100);
    assert.equal(callback.callCount, 0);
    timer.cancel();
  });

  it('does not drift, though every tick is late', () => {
    const { timesMs } = ticking(20);
    // Each tick is held up 3 ms, as by other work in the loop.
    const busy = systemClock.every(20, () => fake.jump(3));
    fake.tick(20 * 50 * 10);
    busy.cancel();
    const last = timesMs.at(-1)!;
    assert.ok(last % 20 <= 6, `${last} ms is off the grid`);
    assert.ok(Math.abs(timesMs.length - last / 20) <= 1, `${timesMs.length} ticks in ${last} ms`);
  });

  it('catches up after a short stall, tick for tick', () => {
    const { timesMs } = ticking(20);
    fake.tick(100);
    fake.jump(100);
    fake.tick(100);
    assert.equal(timesMs.length, 15);
  });

  it('does not fire in a burst after a long stall', () => {
    const { timesMs } = ticking(20);
    fake.tick(100);
    fake.jump(60_000);
    const before = timesMs.length;
    fake.tick(100);
    assert.ok(timesMs.length - before <= 6, `${timesMs.length - before} ticks in 100 ms`);
    fake.tick(1_000);
    assert.ok(timesMs.length - before >= 50, 'it goes on');
  });

  it('stops when cancelled, also from inside its callback', () => {
    const outside = ticking(10);
    fake.tick(35);
    outside.timer.cancel();
    let calls = 0;
    const inside = systemClock.every(10, () => {
      if (++calls === 2) inside.cancel();
    });
    fake.tick(1_000);
    assert.deepEqual([outside.timesMs.length, calls], [3, 2]);
    assert.equal(fake.countTimers(), 0);
  });

  it('goes on when a callback throws', () => {
    let calls = 0;
    const timer = systemClock.every(10, () => {
      if (++calls === 1) throw new Error('once');
    });
    assert.throws(() => fake.tick(10), /once/);
    fake.tick(10);
    timer.cancel();
    assert.equal(calls, 2);
  });

  function ticking(periodMs: number) {
    const startMs = systemClock.now();
    const timesMs: number[] = [];
    const timer = systemClock.every(periodMs, () => timesMs.push(systemClock.now() - startMs));
    return { timesMs, timer };
  }
});
