import assert from 'node:assert/strict';
import { DcBlocker } from '../../src/audio/dc-blocker.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { levelDb } from '../../src/audio/level.ts';
import { amplitudeAt, sine } from '../../../test/lib/signals.ts';
import { joined } from '../../../test/lib/sound.ts';

/** @returns what comes out of it, in frames, for `samples` in frames */
function through(samples: Int16Array): Int16Array {
  const blocker = new DcBlocker();
  const frames: Int16Array[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
    const frame = samples.slice(at, at + FRAME_SAMPLES);
    blocker.apply(frame);
    frames.push(frame);
  }
  return joined(frames);
}

const meanOf = (samples: Int16Array): number => samples.reduce((sum, sample) => sum + sample, 0) / samples.length;

describe('the DC blocker', () => {
  it('takes an offset away from the first sample on', () => {
    const out = through(new Int16Array(3_200).fill(800));
    assert.ok(out.every((sample) => sample === 0));
  });

  it('takes away an offset that comes later, within a quarter of a second', () => {
    const samples = new Int16Array(16_000);
    samples.fill(3_000, 8_000);
    assert.ok(Math.abs(meanOf(through(samples).subarray(12_000))) < 1);
  });

  for (const hertz of [85, 200, 1_000, 3_000]) {
    it(`leaves a tone of ${hertz} Hz on an offset as loud as it was`, () => {
      const out = through(sine(hertz, 2, 8_000).map((sample) => sample + 800)).subarray(16_000);
      assert.ok(Math.abs(20 * Math.log10(amplitudeAt(out, hertz) / 8_000)) < 0.15);
      assert.ok(Math.abs(meanOf(out)) < 5);
    });
  }

  it('holds full scale: nothing wraps', () => {
    const samples = new Int16Array(3_200).fill(-32_768);
    samples.fill(32_767, 1_600);
    assert.ok(through(samples).every((sample) => sample >= 0));
  });

  it('leaves digital silence digital silence', () => assert.equal(levelDb(through(new Int16Array(3_200))), -100));
});
