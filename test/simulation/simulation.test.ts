import assert from 'node:assert/strict';
import { run } from './run.ts';
import { scriptOf } from './script.ts';
import type { Script, ScriptEvent, WorldSettings } from './script.ts';

/** `npm run simulate -- --seeds N` plays as many as you like; these are the first ones. */
const SEEDS = 200;
const BLOCK = 25;

describe('the phone and the server, whatever befalls them', function () {
  this.timeout(120_000);

  for (let from = 1; from <= SEEDS; from += BLOCK) {
    it(`keep their promises, seeds ${from} to ${from + BLOCK - 1}`, async () => {
      for (let seed = from; seed < from + BLOCK; seed++) {
        const { violations } = await run(scriptOf(seed));
        assert.deepEqual(
          violations.map((violation) => ({ seed, ...violation })),
          [],
        );
      }
    });
  }

  it('a run replays exactly, and another seed is another run', async () => {
    for (const seed of [5, 17, 107]) {
      const first = await run(scriptOf(seed));
      assert.equal((await run(JSON.parse(JSON.stringify(scriptOf(seed))) as Script)).digest, first.digest);
      assert.notEqual((await run(scriptOf(seed + 1))).digest, first.digest);
    }
  });
});

const CALM: WorldSettings = {
  devicePpm: 120,
  serverPpm: -80,
  cardPpm: -300,
  deviceWallMs: 0,
  serverWallMs: 0,
  latencyMs: 40,
  jitterMs: 30,
  kbitPerSecond: 2_000,
  kernelBytes: 100_000,
  storeDelayMs: 2,
  cardOpenMs: 80,
  hangUpGraceMs: 1_000,
  maxQueueMs: 30_000,
  answers: { minMs: 11_000, maxMs: 12_000, speed: 8, thinkMs: 60, failing: 0 },
};

const TROUBLE: readonly (ScriptEvent extends infer E ? (E extends ScriptEvent ? Omit<E, 'atMs'> : never) : never)[] = [
  { type: 'reset', who: 'both' },
  { type: 'sever', direction: 'both' },
  { type: 'outage', direction: 'both', ms: 20_000, reported: false },
  { type: 'drain', lingerMs: 2_000, downMs: 0 },
  { type: 'kill', downMs: 1_500, store: 'kept' },
  { type: 'outage', direction: 'up', ms: 9_000, reported: true },
];

describe('half an hour of conversation', function () {
  this.timeout(120_000);
  const minutes = 30;
  const turns: ScriptEvent[] = Array.from({ length: (minutes * 60) / 14 - 1 }, (_, turn) => ({
    atMs: 14_000 * (turn + 1),
    type: 'speak',
    ms: 300,
  }));
  const troubles: ScriptEvent[] = Array.from({ length: minutes / 2 - 2 }, (_, index) => ({
    atMs: 120_000 * (index + 1) + 3_000,
    ...TROUBLE[index % TROUBLE.length]!,
  }));
  const script = (events: readonly ScriptEvent[]): Script => ({
    seed: 30,
    lengthMs: minutes * 60_000 + 65_000,
    world: CALM,
    events: [{ atMs: 100, type: 'lift' }, ...events].toSorted((a, b) => a.atMs - b.atMs) as ScriptEvent[],
  });

  it('crosses the wrap of the sequence number both ways, and not a frame is lost', async () => {
    const { violations, counters } = await run(script(turns));
    assert.deepEqual(violations, []);
    assert.ok(counters.highestSequence > 0xffff, `the companion's numbers end at ${counters.highestSequence}`);
    assert.ok(counters.heardFrames > 60_000, `${counters.heardFrames} frames heard`);
    assert.ok(counters.spokenFrames > 0x1_0000 + 0x8000 - 10_000, `${counters.spokenFrames} frames spoken`);
    assert.equal(counters.resumed, 0);
  });

  it('survives a cut every two minutes', async () => {
    const { violations, counters } = await run(script([...turns, ...troubles]));
    assert.deepEqual(violations, []);
    assert.ok(counters.resumed >= troubles.length, `${counters.resumed} resumes`);
    assert.ok(counters.highestSequence > 0xffff);
  });
});
