import assert from 'node:assert/strict';
import { resample } from '../../src/pipeline/resampler.ts';

function tone(hz: number, rate: number): Int16Array {
  return Int16Array.from({ length: rate }, (_, at) => Math.round(10_000 * Math.sin((2 * Math.PI * hz * at) / rate)));
}

/** Amplitude of `hz` in the middle of one second at 16 kHz. */
function amplitude(pcm: Int16Array, hz: number): number {
  let real = 0;
  let imaginary = 0;
  for (let at = 4_000; at < 12_000; at++) {
    real += pcm[at]! * Math.cos((2 * Math.PI * hz * at) / 16_000);
    imaginary += pcm[at]! * Math.sin((2 * Math.PI * hz * at) / 16_000);
  }
  return Math.hypot(real, imaginary) / 4_000;
}

describe('resampling to 16 kHz', () => {
  for (const rate of [8_000, 22_050, 24_000, 44_100]) {
    it(`from ${rate} Hz keeps a tone's level and a second's length`, () => {
      const pcm = resample(tone(1_000, rate), rate, 16_000);
      assert.ok(Math.abs(pcm.length - 16_000) <= 1);
      assert.ok(Math.abs(amplitude(pcm, 1_000) - 10_000) < 100);
    });
  }

  it('aliases nothing from above 8 kHz', () => {
    assert.ok(amplitude(resample(tone(10_000, 44_100), 44_100, 16_000), 6_000) < 30);
  });

  it('leaves 16 kHz as it is', () => {
    const pcm = tone(440, 16_000);
    assert.equal(resample(pcm, 16_000, 16_000), pcm);
  });
});
