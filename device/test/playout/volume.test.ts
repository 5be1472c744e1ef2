import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { clampVolume, gainOf, MAX_VOLUME, VolumeStage } from '../../src/playout/volume.ts';

const tone = (amplitude: number): Int16Array =>
  Int16Array.from({ length: FRAME_SAMPLES }, (_, index) => Math.round(amplitude * Math.sin(index / 5)));
const power = (samples: Int16Array): number =>
  samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
const after = (level: number, samples: Int16Array): Int16Array => {
  const own = samples.slice();
  new VolumeStage(level).apply(own);
  return own;
};

describe('the volume', () => {
  it('has a floor that is a voice, not silence', () => {
    for (const level of [0, -1, -1_000, Number.MIN_SAFE_INTEGER]) {
      const lossDb = 10 * Math.log10(power(after(level, tone(8_000))) / power(tone(8_000)));
      assert.ok(Math.abs(lossDb + 18) < 0.2, `${lossDb} dB at ${level}`);
    }
  });

  it('passes samples untouched at its usual level', () => {
    assert.deepEqual(after(6, tone(32_767)), tone(32_767));
  });

  it('rises with every level', () => {
    const gains = Array.from({ length: MAX_VOLUME + 1 }, (_, level) => power(after(level, tone(4_000))));
    assert.ok(gains.every((gain, level) => level === 0 || gain > gains[level - 1]!));
  });

  it('bends what would clip: no jump, no wrap, no step at full scale', () => {
    const loud = after(MAX_VOLUME, tone(30_000));
    const before = tone(30_000);
    loud.forEach((sample, index) => assert.ok(sample === 0 || Math.sign(sample) === Math.sign(before[index]!)));
    assert.ok(loud.some((sample) => sample > 31_000));
  });

  it('reaches a new level without a click', () => {
    const stage = new VolumeStage(0);
    stage.level = MAX_VOLUME;
    const flat = new Int16Array(FRAME_SAMPLES).fill(4_000);
    stage.apply(flat);
    const jumps = [...flat].map((sample, index) => Math.abs(sample - (flat[index - 1] ?? sample)));
    assert.ok(Math.max(...jumps) < 50);
  });

  it('never wraps, whatever it is handed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -32_768, max: 32_767 }),
        fc.integer({ min: 0, max: MAX_VOLUME }),
        (sample, level) => {
          const [out] = after(level, new Int16Array(1).fill(sample));
          return (
            Math.sign(out!) * Math.sign(sample) >= 0 &&
            Math.abs(out!) <= Math.max(Math.abs(sample), Math.abs(sample) * gainOf(level)) + 1
          );
        },
      ),
    );
  });

  for (const [asked, level] of [
    [-3, 0],
    [4.4, 4],
    [99, 9],
  ] as const) {
    it(`takes ${asked} for ${level}`, () => assert.equal(clampVolume(asked), level));
  }
});
