import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { Lamp, stepAt } from '../../src/controls/lamp.ts';
import { FakeLamp } from './fake-line.ts';

const SLOW = [500, 500];

describe('the lamp', () => {
  it('plays a pattern from its start, repeated', () => {
    const clock = new VirtualClock(500);
    const line = new FakeLamp(() => clock.now());
    const lamp = new Lamp(line, clock, silentLog);
    lamp.play(SLOW);
    clock.advance(1_600);
    lamp.play(SLOW);
    assert.deepEqual(line.changes, [
      [500, true],
      [1_000, false],
      [1_500, true],
      [2_000, false],
    ]);
  });

  it('sets no timer for a light that stays on, and goes dark when closed', () => {
    const clock = new VirtualClock();
    const line = new FakeLamp(() => clock.now());
    const lamp = new Lamp(line, clock, silentLog);
    lamp.play([60, 3_940]);
    lamp.play([1_000]);
    assert.equal(clock.pending, 0);
    lamp.close();
    assert.deepEqual([line.changes.at(-1)![1], line.closed], [false, true]);
  });

  it('whose line fails goes on, and is lit once the line works', () => {
    const clock = new VirtualClock();
    const line = new FakeLamp(() => clock.now());
    line.fails = true;
    const lamp = new Lamp(line, clock, silentLog);
    lamp.play([1_000]);
    clock.advance(5_000);
    line.fails = false;
    clock.advance(2_000);
    assert.deepEqual([line.changes.at(-1)?.[1], clock.pending], [true, 0]);
    line.fails = true;
    lamp.close();
    assert.equal(line.closed, true);
  });

  for (const [atMs, lit, forMs] of [
    [0, true, 150],
    [149, true, 1],
    [150, false, 250],
    [400, true, 150],
    [550, false, 1_450],
    [2_000, true, 150],
  ] as const) {
    it(`at ${atMs} ms of a double flash it is ${lit ? 'lit' : 'dark'} for ${forMs} ms`, () => {
      assert.deepEqual(stepAt([150, 250, 150, 1_450], atMs), { lit, forMs });
    });
  }
});
