import assert from 'node:assert/strict';
import { PcmDecoder, PcmEncoder } from '../../src/codec/pcm.ts';
import { framesOf } from '../../src/audio/framer.ts';
import { dbfs, joined, roughness } from '../../../test/lib/sound.ts';

function sine(hz: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, at) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * hz * at) / 16_000)),
  );
}

describe('L16', () => {
  it('is in network byte order', () => {
    const pcm = new Int16Array(320);
    pcm.set([0x0102, -2]);
    assert.deepEqual([...new PcmEncoder().encode(pcm).subarray(0, 4)], [0x01, 0x02, 0xff, 0xfe]);
  });

  for (const bytes of [0, 320, 639, 641, 1280]) {
    it(`calls ${bytes} bytes garbage`, () => {
      assert.throws(() => new PcmDecoder().decode(new Uint8Array(bytes)), { name: 'CodecError', fault: 'garbage' });
    });
  }

  for (const { peak, silent } of [
    { peak: 0, silent: true },
    { peak: 64, silent: true },
    { peak: 65, silent: false },
    { peak: 32_767, silent: false },
  ]) {
    it(`calls a frame with a peak of ${peak} ${silent ? 'silent' : 'sound'}, upwards and downwards`, () => {
      for (const sample of [peak, -peak]) {
        const pcm = new Int16Array(320);
        pcm[319] = sample;
        assert.equal(new PcmDecoder().silent(new PcmEncoder().encode(pcm)), silent);
      }
    });
  }

  it('conceals by the last pitch period, fading to silence at 60 ms', () => {
    const decoder = new PcmDecoder();
    const encoder = new PcmEncoder();
    for (const frame of framesOf(sine(210, 3_200))) decoder.decode(encoder.encode(frame));
    const levels = [0, 1, 2, 3].map(() => dbfs(decoder.conceal()));
    assert.ok(levels[0]! > -18 && levels[1]! < levels[0]! - 2 && levels[2]! < levels[1]! - 4, levels.join(', '));
    assert.equal(levels[3], Number.NEGATIVE_INFINITY);
  });

  for (const gap of [1, 2, 3, 5]) {
    it(`goes into a gap of ${gap} and out of it without a click`, () => {
      const decoder = new PcmDecoder();
      const encoder = new PcmEncoder();
      const source = framesOf(sine(210, 16_000));
      const out = source.map((frame, index) =>
        index >= 20 && index < 20 + gap ? decoder.conceal() : decoder.decode(encoder.encode(frame)),
      );
      assert.ok(
        roughness(joined(out)) < 700,
        `roughness ${roughness(joined(out))}: a cut would be ${roughness(joined([...source.slice(0, 20), new Int16Array(320)]))}`,
      );
    });
  }
});
