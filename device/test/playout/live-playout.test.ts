import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom, type Random } from '../../../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { FlatComfortNoise } from '../../../common/src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import { Ladder } from '../../../common/src/concealment/ladder.ts';
import { LivePlayout } from '../../src/playout/live-playout.ts';
import { joined, longestFlat, roughness, SineDecoder, SMOOTH } from '../../../test/lib/sound.ts';

const PAYLOAD = Uint8Array.of(1, 0, 0);

interface Path {
  readonly seconds: number;
  /** Of a packet over the fastest, ms; −1: lost. Delivered in order unless `reorder`. */
  readonly delay: (index: number, random: Random) => number;
  readonly senderPpm?: number;
  readonly reorder?: boolean;
  readonly seed?: number;
  readonly decoder?: SineDecoder;
  /** Sender's time at which packet `index` is sent. */
  readonly sentMs?: (index: number) => number;
}

/** Says nothing for the last third of every second. */
class PausingDecoder extends SineDecoder {
  #frames = 0;

  override decode(payload: Uint8Array): Int16Array {
    const frame = super.decode(payload);
    return this.#frames++ % 50 < 34 ? frame : frame.fill(0);
  }
}

function run(path: Path) {
  const random = seededRandom(path.seed ?? 1);
  const counters = newFrameCounters();
  const ladder = new Ladder({
    decoder: path.decoder ?? new SineDecoder(),
    comfortNoise: new FlatComfortNoise(random),
    counters,
  });
  const playout = new LivePlayout({ ladder, counters, frameTicks: 960, capacityFrames: 500 });
  const arrivals: { sequence: number; atMs: number }[] = [];
  let latest = 0;
  for (let sequence = 0; sequence * 20 < path.seconds * 1_000; sequence++) {
    const delayMs = path.delay(sequence, random);
    if (delayMs < 0) continue;
    const sentMs = (path.sentMs?.(sequence) ?? sequence * 20) * (1 + (path.senderPpm ?? 0) / 1e6);
    latest = path.reorder ? sentMs + delayMs : Math.max(latest, sentMs + delayMs);
    arrivals.push({ sequence, atMs: latest });
  }
  arrivals.sort((a, b) => a.atMs - b.atMs);
  const heard: Int16Array[] = [];
  const queued: number[] = [];
  let next = 0;
  const endMs = arrivals.at(-1)!.atMs;
  for (let nowMs = 7; nowMs < endMs; nowMs += 20) {
    for (; next < arrivals.length && arrivals[next]!.atMs <= nowMs; next++) {
      const { sequence, atMs } = arrivals[next]!;
      playout.insert({ sequence, timestamp: sequence * 960, marker: false, payload: PAYLOAD, arrivedMs: atMs });
    }
    heard.push(playout.render(nowMs).samples);
    queued.push(playout.queuedMs);
  }
  return { counters, playout, heard, queued };
}

describe('LivePlayout', () => {
  it('plays a clean path with two frames of delay at the most, and conceals nothing', () => {
    const { counters, queued } = run({ seconds: 60, delay: (_, random) => random() });
    assert.equal(counters.concealed, 0);
    assert.ok(Math.max(...queued.slice(500)) <= 40, `${Math.max(...queued.slice(500))} ms queued`);
  });

  it('learns to bridge stalls of 200 ms', () => {
    const { counters } = run({ seconds: 120, delay: (index) => Math.max(0, 200 - ((index * 20) % 5_000)) });
    assert.ok(counters.concealed + counters.comfortNoise < 40, `${counters.concealed} concealed`);
  });

  it('works a lead off again when the path is good again', () => {
    const { queued } = run({ seconds: 120, delay: (index) => (index === 500 ? 800 : 0) });
    assert.ok(Math.max(...queued.slice(560, 600)) > 100);
    assert.ok(Math.max(...queued.slice(4_000)) <= 60, `${Math.max(...queued.slice(4_000))} ms`);
  });

  it('conceals what is lost and takes what comes out of order', () => {
    const { counters } = run({
      seconds: 30,
      reorder: true,
      delay: (index, random) => (index % 20 === 7 ? -1 : 30 * random()),
    });
    assert.ok(counters.concealed >= 70 && counters.concealed <= 90, `${counters.concealed} of 75`);
    assert.equal(counters.underrun < 10, true);
  });

  it('does not hurry through what a sender sends ahead', () => {
    const { playout, counters } = run({ seconds: 9, delay: () => 0, sentMs: (index) => index * 2 });
    assert.equal(playout.statistics.acceleratedSamples, 0);
    assert.equal(counters.concealed, 0);
  });

  it('works off what a call that began in a stall began with, in its pauses', () => {
    const { queued } = run({
      seconds: 20,
      delay: (index) => Math.max(0, 900 - index * 20),
      decoder: new PausingDecoder(),
    });
    assert.ok(Math.max(...queued.slice(50, 100)) > 500);
    assert.ok(Math.max(...queued.slice(600)) <= 80, `${Math.max(...queued.slice(600))} ms`);
  });

  it('does not hurry through a response whose sender keeps ahead of it', () => {
    const { playout } = run({
      seconds: 20,
      delay: () => 0,
      sentMs: (index) => Math.max(index * 2, index * 20 - 1_000),
    });
    assert.equal(playout.statistics.acceleratedSamples, 0);
  });

  it('takes a sender that pauses for no bad path', () => {
    const { playout, counters } = run({
      seconds: 60,
      delay: () => 0,
      sentMs: (index) => index * 20 + Math.floor(index / 100) * 700,
    });
    assert.ok(playout.statistics.targetMs <= 60, `${playout.statistics.targetMs} ms`);
    assert.ok(counters.played > 2_900);
  });

  for (const ppm of [200, -200, 500]) {
    it(`follows a clock ${ppm} ppm off for 30 minutes without a click, within its target`, () => {
      const { heard, queued, counters, playout } = run({
        seconds: 1_800,
        delay: (_, random) => 3 * random(),
        senderPpm: -ppm,
      });
      assert.equal(counters.concealed, 0);
      assert.ok(
        Math.max(...queued.slice(500)) <= 60 && Math.min(...queued.slice(500)) >= 0,
        `${Math.max(...queued.slice(500))} ms queued`,
      );
      const out = joined(heard.slice(20));
      assert.ok(roughness(out) < SMOOTH, `roughness ${roughness(out)}`);
      const { acceleratedSamples, expandedSamples } = playout.statistics;
      const corrected = (acceleratedSamples - expandedSamples) / (1_800 * 16_000);
      assert.ok(Math.abs(corrected * 1e6 - ppm) < 60, `corrected by ${(corrected * 1e6).toFixed(0)} ppm`);
    }).timeout(20_000);
  }

  it('never clicks or falls silent, whatever the path', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -60, max: 400 }), { minLength: 5, maxLength: 60 }),
        fc.boolean(),
        (delays, reorder) => {
          const { heard } = run({
            seconds: 4,
            reorder,
            delay: (index) => delays[Math.floor(index / 4) % delays.length]!,
          });
          const out = joined(heard);
          assert.ok(roughness(out) < SMOOTH, `roughness ${roughness(out)}`);
          assert.ok(longestFlat(out) < 80);
          assert.ok(out.length % FRAME_SAMPLES === 0);
        },
      ),
      { numRuns: 100 },
    );
  });
});
