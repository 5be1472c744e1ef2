import assert from 'node:assert/strict';
import fc from 'fast-check';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { StageError } from '../../../src/pipeline/ports.ts';
import type { BreakerPass } from '../../../src/pipeline/resilience/circuit-breaker.ts';
import { CircuitBreaker } from '../../../src/pipeline/resilience/circuit-breaker.ts';

const BROKEN = new StageError('language-model', 'broken', true);

function opened(failures = 3, error: unknown = BROKEN): { clock: VirtualClock; breaker: CircuitBreaker } {
  const clock = new VirtualClock();
  const breaker = new CircuitBreaker(clock);
  for (let failure = 0; failure < failures; failure++) breaker.enter()?.failed(error);
  return { clock, breaker };
}

describe('circuit breaker', () => {
  it('rests until a request may try the service, and not until one has succeeded', () => {
    const { clock, breaker } = opened();
    assert.deepEqual([breaker.open, breaker.resting], [true, true]);
    clock.advance(30_000);
    assert.deepEqual([breaker.open, breaker.resting], [true, false]);
  });

  const rows: readonly (readonly [string, number, unknown, number])[] = [
    ['two failures: goes on asking', 2, BROKEN, 0],
    ['three failures: rests for 30 s', 3, BROKEN, 30_000],
    ['one refused key: rests at once', 1, new StageError('language-model', 'refused', false), 30_000],
    [
      'asked to come back in 60 s: rests that long',
      1,
      new StageError('language-model', 'too many', true, { retryAfterMs: 60_000 }),
      60_000,
    ],
    [
      'asked to come back in a day: rests five minutes',
      1,
      new StageError('language-model', 'too many', true, { retryAfterMs: 86_400_000 }),
      300_000,
    ],
  ];
  for (const [name, failures, error, restMs] of rows) {
    it(name, () => {
      const { clock, breaker } = opened(failures, error);
      assert.equal(breaker.open, restMs > 0);
      if (restMs > 0) {
        clock.advance(restMs - 1);
        assert.equal(breaker.enter(), undefined);
        clock.advance(1);
      }
      assert.notEqual(breaker.enter(), undefined);
    });
  }

  it('lets one request probe the service after its rest, and no other meanwhile', () => {
    const { clock, breaker } = opened();
    clock.advance(30_000);
    const probe = breaker.enter();
    assert.equal(breaker.enter(), undefined);
    probe?.succeeded();
    assert.equal(breaker.open, false);
    assert.notEqual(breaker.enter(), undefined);
  });

  it('rests again when the probe fails', () => {
    const { clock, breaker } = opened();
    clock.advance(30_000);
    breaker.enter()?.failed(BROKEN);
    clock.advance(29_999);
    assert.equal(breaker.enter(), undefined);
  });

  it('lets another request probe when the first was cancelled', () => {
    const { clock, breaker } = opened();
    clock.advance(30_000);
    breaker.enter()?.cancelled();
    assert.equal(breaker.open, true);
    assert.notEqual(breaker.enter(), undefined);
  });

  it('counts only failures in a row', () => {
    const { breaker } = opened(2);
    breaker.enter()?.succeeded();
    breaker.enter()?.failed(BROKEN);
    assert.equal(breaker.open, false);
  });

  it('counts a request once: the first outcome', () => {
    const { breaker } = opened(2);
    const pass = breaker.enter();
    pass?.cancelled();
    pass?.failed(BROKEN);
    assert.equal(breaker.open, false);
  });

  const OWN = new StageError('language-model', 'context too long', false, { scope: 'request' });

  it("is not opened by what is wrong with one patient's request, however often", () => {
    const { breaker } = opened(100, OWN);
    assert.equal(breaker.open, false);
    assert.notEqual(breaker.enter(), undefined);
  });

  it('closes when its probe is refused for what it holds: the service is alive', () => {
    const { clock, breaker } = opened();
    clock.advance(30_000);
    breaker.enter()?.failed(OWN);
    assert.equal(breaker.open, false);
  });

  it('asks again whatever became of the requests before, and of their outcomes', () => {
    const outcome = fc.constantFrom('succeeded', 'failed', 'cancelled', 'never told');
    const step = fc.record({ outcome, afterMs: fc.integer({ min: 0, max: 40_000 }), last: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new VirtualClock();
        const breaker = new CircuitBreaker(clock);
        const passes: BreakerPass[] = [];
        for (const { outcome: told, afterMs, last } of steps) {
          const pass = breaker.enter();
          if (pass !== undefined) passes.push(pass);
          clock.advance(afterMs);
          const which = last ? passes.pop() : passes.shift();
          if (told === 'succeeded') which?.succeeded();
          else if (told === 'failed') which?.failed(BROKEN);
          else if (told === 'cancelled') which?.cancelled();
        }
        clock.advance(90_000);
        assert.notEqual(breaker.enter(), undefined);
      }),
    );
  });
});
