import assert from 'node:assert/strict';
import { seededRandom } from '../../src/time/random.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { FlatComfortNoise, LearnedComfortNoise, type ComfortNoise } from '../../src/concealment/comfort-noise.ts';
import { framesOf } from '../../src/audio/framer.ts';
import { dbfs, joined, longestFlat, roomNoise, roughness, toneOverNoise } from '../../../test/lib/sound.ts';
import { speech } from '../../../test/lib/speech.ts';

function listen(noise: ComfortNoise, count = 100): Float32Array {
  const all = new Float32Array(count * FRAME_SAMPLES);
  const frame = new Float32Array(FRAME_SAMPLES);
  for (let index = 0; index < count; index++) {
    noise.fill(frame);
    all.set(frame, index * FRAME_SAMPLES);
  }
  return all;
}

function learned(pcm: Int16Array): LearnedComfortNoise {
  const noise = new LearnedComfortNoise(seededRandom(3));
  for (const frame of framesOf(pcm)) noise.learn(frame);
  listen(noise, 1);
  return noise;
}

/** Share of the power above 4 kHz, dB, by a first difference against the signal. */
function tiltDb(pcm: ArrayLike<number>): number {
  let difference = 0;
  let power = 0;
  for (let index = 1; index < pcm.length; index++) {
    difference += (pcm[index]! - pcm[index - 1]!) ** 2;
    power += pcm[index]! ** 2;
  }
  return 10 * Math.log10(difference / power);
}

/** Speech over a floor of room noise: what a far end sends. */
function over(noise: Int16Array, voice: Int16Array): Int16Array {
  return noise.map((sample, index) => sample + voice[index % voice.length]!);
}

describe('LearnedComfortNoise', () => {
  it('sounds alive, at −58 dBFS, before anything is learned', () => {
    assert.ok(Math.abs(dbfs(listen(new LearnedComfortNoise(seededRandom(1)))) + 58) < 1.5);
  });

  it('learns level and spectrum around an offset: direct current is no noise', () => {
    const room = roomNoise(32_000, 20);
    const plain = listen(learned(room));
    const offset = listen(learned(room.map((sample) => sample + 800)));
    assert.ok(Math.abs(dbfs(plain) - dbfs(offset)) < 0.5, `${dbfs(plain)} ${dbfs(offset)}`);
    assert.ok(Math.abs(tiltDb(plain) - tiltDb(offset)) < 0.5);
  });

  const levels = [
    { name: 'a quiet room', rms: 20, expected: -64.3 },
    { name: 'a noisy room', rms: 60, expected: -54.7 },
    { name: 'a very noisy room is held to −50', rms: 500, expected: -50 },
    { name: 'a studio is held to −70', rms: 3, expected: -70 },
    { name: 'digital silence is held to −70', rms: 0, expected: -70 },
  ];
  for (const { name, rms, expected } of levels) {
    it(`learns the level of ${name}`, () => {
      const level = dbfs(listen(learned(roomNoise(10 * 16_000, rms))));
      assert.ok(Math.abs(level - expected) < 2, `${level.toFixed(1)} dBFS, want ${expected}`);
    });
  }

  it('learns the spectrum of the room', () => {
    const room = roomNoise(10 * 16_000, 40);
    const hiss = room.map((sample, index) => Math.round((sample - (room[index - 1] ?? 0)) * 1.5));
    assert.ok(Math.abs(tiltDb(listen(learned(room))) - tiltDb(room)) < 2);
    assert.ok(Math.abs(tiltDb(listen(learned(hiss))) - tiltDb(hiss)) < 2);
  });

  it('does not take speech for background', () => {
    // The recording's own room, gated out, so that the pauses hold the test's room alone.
    const voice = joined(
      framesOf(speech()).map((frame) => (dbfs(frame) < -38 ? new Int16Array(FRAME_SAMPLES) : frame)),
    );
    // Speech first: no second of warm-up without it.
    const level = dbfs(listen(learned(over(roomNoise(3 * voice.length, 20), voice))));
    assert.ok(level < -58, `${level.toFixed(1)} dBFS over a room of −64`);
  });

  it('keeps what it learned while someone speaks without a pause', () => {
    const noise = learned(roomNoise(5 * 16_000, 30));
    const before = dbfs(listen(noise));
    const loud = speech().filter((sample) => Math.abs(sample) > 500);
    for (const frame of framesOf(loud)) noise.learn(frame);
    assert.ok(Math.abs(dbfs(listen(noise)) - before) < 2);
  });

  it('makes no tone of hum or whistle in the background', () => {
    for (const hz of [100, 1_000, 3_000]) {
      const room = roomNoise(10 * 16_000, 20).map(
        (sample, index) => sample + Math.round(60 * Math.sin((2 * Math.PI * hz * index) / 16_000)),
      );
      const noise = listen(learned(room));
      for (let at = hz - 50; at <= hz + 50; at += 10)
        assert.ok(toneOverNoise(noise, at) < 26, `${at} Hz stands out by ${toneOverNoise(noise, at).toFixed(1)} dB`);
    }
  });

  it('changes its level without a click', () => {
    const noise = new LearnedComfortNoise(seededRandom(3));
    const frame = new Float32Array(FRAME_SAMPLES);
    const heard: number[] = [];
    for (const [index, room] of framesOf(
      Int16Array.from([...roomNoise(64_000, 5), ...roomNoise(160_000, 90)]),
    ).entries()) {
      noise.learn(room);
      noise.fill(frame);
      if (index > 0) heard.push(...frame);
    }
    assert.ok(roughness(heard) < roughness(roomNoise(224_000, 103)) * 1.5);
  });

  it('walks to a new level, and does not jump', () => {
    // Instead of noise, a constant: what moves then is the level.
    const noise = new LearnedComfortNoise(() => 0.75);
    listen(noise, 10);
    for (const room of framesOf(roomNoise(3_200, 90))) noise.learn(room);
    const heard = listen(noise, 2);
    const steps = heard.slice(1).map((sample, index) => Math.abs(sample - heard[index]!));
    const whole = Math.abs(heard.at(-1)! - heard[0]!);
    assert.ok(whole > 50 && Math.max(...steps) < whole / 15, `a step of ${Math.max(...steps)} in ${whole}`);
  });

  it('is never silent or flat', () => {
    for (const noise of [new LearnedComfortNoise(seededRandom(1)), new FlatComfortNoise(seededRandom(1))]) {
      const heard = Int16Array.from(listen(noise, 500), Math.round);
      assert.ok(longestFlat(heard) < 20);
      for (const frame of framesOf(heard)) assert.ok(dbfs(frame) > -80);
    }
  });
});
