import assert from 'node:assert/strict';
import { VirtualClock } from '../../src/time/virtual-clock.ts';
import { seededRandom } from '../../src/time/random.ts';

describe('the virtual clock', () => {
  it('stands still until it is advanced', () => {
    const clock = new VirtualClock(500, 1_000_000);
    let fired = 0;
    clock.after(0, () => fired++);
    assert.deepEqual([clock.now(), clock.wallTime(), fired], [500, 1_000_000, 0]);
    clock.advance(0);
    assert.equal(fired, 1);
    clock.advance(250.5);
    assert.deepEqual([clock.now(), clock.wallTime()], [750.5, 1_000_250.5]);
  });

  it('runs what falls due in order of time, then of setting', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.after(20, () => order.push('c'));
    clock.after(10, () => order.push('a'));
    clock.after(20, () => order.push('d'));
    clock.after(10, () => order.push('b'));
    clock.advance(20);
    assert.deepEqual(order, ['a', 'b', 'c', 'd']);
  });

  it('shows each callback the time it was due', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    clock.after(7, () => {
      times.push(clock.now());
      clock.after(3, () => times.push(clock.now()));
      clock.after(-5, () => times.push(clock.now()));
    });
    clock.advance(100);
    assert.deepEqual(times, [7, 7, 10]);
    assert.equal(clock.now(), 100);
  });

  it('repeats on a grid, and puts a repeat after what was already set for that time', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.every(10, () => order.push(`tick ${clock.now()}`));
    clock.after(20, () => order.push('once'));
    clock.advance(30);
    assert.deepEqual(order, ['tick 10', 'once', 'tick 20', 'tick 30']);
  });

  it('does not run what was cancelled: before, twice, and from inside its own callback', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const never = clock.after(5, () => order.push('never'));
    never.cancel();
    never.cancel();
    const ticks = clock.every(10, () => {
      order.push('tick');
      if (order.length === 2) ticks.cancel();
    });
    clock.advance(100);
    assert.deepEqual(order, ['tick', 'tick']);
    assert.equal(clock.pending, 0);
  });

  it('lets one callback cancel another that is due at the same time', () => {
    const clock = new VirtualClock();
    let fired = false;
    clock.after(5, () => victim.cancel());
    const victim = clock.after(5, () => (fired = true));
    clock.advance(5);
    assert.deepEqual([fired, clock.pending], [false, 0]);
  });

  it('counts what is pending, and forgets what has fired', () => {
    const clock = new VirtualClock();
    const once = clock.after(5, () => {});
    const ticks = clock.every(5, () => {});
    assert.equal(clock.pending, 2);
    clock.advance(5);
    assert.equal(clock.pending, 1);
    once.cancel();
    assert.equal(clock.pending, 1);
    ticks.cancel();
    assert.equal(clock.pending, 0);
  });

  it('never goes back', () => {
    const clock = new VirtualClock(100);
    clock.runUntil(50);
    assert.equal(clock.now(), 100);
  });

  it('survives a callback that throws', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    clock.every(10, () => {
      times.push(clock.now());
      if (times.length === 1) throw new Error('first');
    });
    assert.throws(() => clock.advance(30), /first/);
    clock.advance(20);
    assert.deepEqual(times, [10, 20, 30]);
  });

  it('sorts ten thousand timers, with cancellations', () => {
    const clock = new VirtualClock();
    const random = seededRandom(7);
    const due: number[] = [];
    const fired: number[] = [];
    for (let index = 0; index < 10_000; index++) {
      const atMs = Math.floor(random() * 1_000);
      const timer = clock.after(atMs, () => fired.push(atMs));
      if (random() < 0.3) timer.cancel();
      else due.push(atMs);
    }
    clock.advance(1_000);
    assert.deepEqual(
      fired,
      due.sort((a, b) => a - b),
    );
  });

  it('lets awaiting code go on between timers', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    const task = async (): Promise<void> => {
      await sleep(10);
      log.push(`slept ${clock.now()}`);
      await sleep(10);
      log.push(`slept ${clock.now()}`);
    };
    clock.after(15, () => log.push('between'));
    void task();
    await clock.advanceAsync(25);
    assert.deepEqual(log, ['slept 10', 'between', 'slept 20']);
    assert.equal(clock.now(), 25);
  });
});
