import assert from 'node:assert/strict';
import { toVoiceRate } from '../../src/pipeline/resample.ts';

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
      const pcm = toVoiceRate(tone(1_000, rate), rate);
      assert.ok(Math.abs(pcm.length - 16_000) <= 1);
      assert.ok(Math.abs(amplitude(pcm, 1_000) - 10_000) < 100);
    });
  }

  it('folds nothing from above 8 kHz back into the voice', () => {
    assert.ok(amplitude(toVoiceRate(tone(10_000, 44_100), 44_100), 6_000) < 30);
  });

  it('leaves 16 kHz as it is', () => {
    const pcm = tone(440, 16_000);
    assert.equal(toVoiceRate(pcm, 16_000), pcm);
  });
});
