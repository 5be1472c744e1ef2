import assert from 'node:assert/strict';
import fc from 'fast-check';
import { micPacket } from '../support/phone.ts';
import { world } from '../support/world.ts';

const known = fc.constantFrom(
  'hello',
  'ack',
  'playback',
  'interrupt',
  'discarded',
  'end',
  'ready',
  'flush',
  '__proto__',
);
const message = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.json({ maxDepth: 4 }),
  fc
    .record(
      {
        type: known,
        rxSeq: fc.anything(),
        playedTs: fc.anything(),
        id: fc.anything(),
        fromSeq: fc.integer(),
        toSeq: fc.integer(),
      },
      { requiredKeys: ['type'] },
    )
    .map((value) => JSON.stringify(value) ?? ''),
  fc
    .record({ type: fc.constant('ack'), rxSeq: fc.integer({ min: -1 }), playedTs: fc.maxSafeNat() })
    .map((value) => JSON.stringify(value)),
);
const audio = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  fc
    .tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: -32_768, max: 32_767 }))
    .map(([sequence, level]) => micPacket(sequence, level)),
);

describe('whatever a phone says', () => {
  for (const raw of [false, true]) {
    it(`nothing throws, and memory is bounded (${raw ? 'raw' : 'RTP'} framing)`, () => {
      fc.assert(
        fc.property(fc.boolean(), fc.array(fc.oneof(message, audio), { maxLength: 30 }), (greets, inputs) => {
          const { connect, core, log } = world();
          const phone = connect({ raw });
          if (greets && !raw) phone.hello();
          for (const input of inputs) {
            if (typeof input === 'string') phone.sayText(input);
            else phone.sayBinary(input);
          }
          phone.drop();
          assert.ok(core.stats.conversations <= 1);
          assert.equal(core.stats.connections, 0);
          assert.ok(
            log.every(({ level }) => level !== 'error'),
            JSON.stringify(log.filter(({ level }) => level === 'error')),
          );
          core.dispose();
        }),
        { numRuns: 1_000 },
      );
    });
  }
});
