import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '../../common/src/time/random.ts';
import { LearnedComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import { Bench } from './downlink-bench.ts';
import { joined, longestFlat, roughness, SineDecoder, SMOOTH } from '../../test/lib/sound.ts';

const ID = fc.constantFrom('a', 'b', 'c', 'd');
const SEQUENCE = fc.oneof(fc.nat(120), fc.constantFrom(65_535, 65_536, 1_000_000));
const PAYLOAD = fc.constantFrom([1, 0, 0], [1, 1, 0], [0], [0x48], []);

/** Anything that a server, a network or the daemon could do, in any order. */
const STEP = fc.oneof(
  fc.record({
    do: fc.constant('receive' as const),
    from: SEQUENCE,
    count: fc.integer({ min: 1, max: 12 }),
    marker: fc.boolean(),
    leap: fc.nat(40),
    payload: PAYLOAD,
  }),
  fc.record({ do: fc.constant('pull' as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('start' as const), id: ID, sequence: SEQUENCE }),
  fc.record({ do: fc.constant('end' as const), id: ID, sequence: fc.oneof(SEQUENCE, fc.constant(-1)) }),
  fc.record({ do: fc.constant('flush' as const), id: ID }),
  fc.record({ do: fc.constant('outage' as const), on: fc.boolean() }),
  fc.record({
    do: fc.constant('announce' as const),
    kind: fc.constantFrom('connecting' as const, 'needs-help' as const),
  }),
  fc.record({ do: fc.constant('restart' as const), live: fc.boolean() }),
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

function perform(bench: Bench, step: Step): void {
  const { downlink } = bench;
  switch (step.do) {
    case 'receive':
      for (let index = 0; index < step.count; index++) {
        const sequence = step.from + index;
        downlink.receive(
          sequence,
          (sequence + step.leap) * 960,
          step.marker && index === 0,
          Uint8Array.from(step.payload),
          bench.nowMs,
        );
      }
      return;
    case 'pull':
      return bench.pull(step.count);
    case 'start':
      return downlink.responseStart(step.id, step.sequence);
    case 'end':
      return downlink.responseEnd(step.id, step.sequence);
    case 'flush':
      return downlink.flush(step.id);
    case 'outage':
      return downlink.situation(step.on ? 'cut-off' : undefined);
    case 'announce':
      return void downlink.announce(step.kind);
    case 'restart':
      return downlink.start('opus', step.live);
  }
}

describe('Downlink, whatever it is told', () => {
  it('never fails, clicks, falls silent or grows, and tells of each response in order', () => {
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 5, maxLength: 80 }), (steps) => {
        const bench = new Bench(new SineDecoder(), {
          comfortNoise: new LearnedComfortNoise(seededRandom(2)),
          maxQueueMs: 1_000,
        });
        bench.downlink.start('opus');
        for (const step of steps) perform(bench, step);
        bench.pull(20);
        assert.equal(bench.downlink.statistics().faults, 0);
        const { queuedMs, lossRate } = bench.downlink.ack();
        assert.ok(queuedMs <= 60_000 + 60 && lossRate >= 0 && lossRate <= 1);
        const heard = joined(bench.heard);
        assert.ok(roughness(heard) < SMOOTH, `roughness ${roughness(heard)}`);
        assert.ok(longestFlat(heard) < 80, `flat for ${longestFlat(heard)}`);
        // A new conversation may use an id again; within one, each is told of once.
        if (!steps.some((step) => step.do === 'restart')) assertOrderly(bench);
      }),
      { numRuns: 300 },
    );
  });
});

function assertOrderly(bench: Bench): void {
  for (const id of ['a', 'b', 'c', 'd']) {
    const states = bench.events
      .filter((event) => event.id === id)
      .map((event) => event.state)
      .join(' ');
    assert.match(states, /^(started )?(started|finished|flushed)?$/, `${id}: ${states}`);
  }
}
