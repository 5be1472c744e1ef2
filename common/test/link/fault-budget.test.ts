import assert from 'node:assert/strict';
import { FaultBudget } from '../../src/link/fault-budget.ts';
import { VirtualClock } from '../../src/time/virtual-clock.ts';

const HOUR_MS = 3_600_000;

describe('the fault budget of a link', () => {
  it('is spent by eleven faults at once', () => {
    const budget = new FaultBudget(new VirtualClock());
    assert.deepEqual(
      Array.from({ length: 11 }, () => budget.spend()),
      [...Array.from({ length: 10 }, () => false), true],
    );
  });

  it('never is by one fault an hour, however long the call', () => {
    const clock = new VirtualClock();
    const budget = new FaultBudget(clock);
    for (let hour = 0; hour < 100; hour++) {
      assert.equal(budget.spend(), false);
      clock.advance(HOUR_MS);
    }
  });

  it('is by one a second that does not stop', () => {
    const clock = new VirtualClock();
    const budget = new FaultBudget(clock);
    let second = 0;
    for (; second < 60 && !budget.spend(); second++) clock.advance(1_000);
    assert.ok(second < 20, `${second} s`);
  });
});
