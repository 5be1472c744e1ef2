import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Framer, framesOf } from '../../src/audio/framer.ts';
import { FRAME_BYTES, FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { ramp } from '../../../test/lib/signals.ts';
import { joined } from '../../../test/lib/sound.ts';

const SIZES = fc.array(fc.integer({ min: 0, max: 3 * FRAME_BYTES }), { maxLength: 20 });

describe('Framer', () => {
  it('makes the same frames of any chunks of bytes, odd ones too, and keeps only the rest', () => {
    fc.assert(
      fc.property(SIZES, (sizes) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const bytes = Buffer.from(ramp((total >> 1) + 1, 7).buffer).subarray(0, total);
        const framer = new Framer();
        let at = 0;
        const frames = sizes.flatMap((size) => [...framer.push(bytes.subarray(at, (at += size)))]);

        assert.equal(frames.length, Math.floor(total / FRAME_BYTES));
        assert.ok(frames.every((frame) => frame.length === FRAME_SAMPLES));
        assert.deepEqual(joined(frames), ramp(frames.length * FRAME_SAMPLES, 7));
        assert.equal(framer.pendingBytes, total % FRAME_BYTES);
      }),
    );
  });

  it('makes the same frames of any pieces of samples, and fills the last one up with silence', () => {
    fc.assert(
      fc.property(SIZES, (sizes) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const samples = ramp(total, 1);
        const framer = new Framer();
        let at = 0;
        const frames = sizes.flatMap((size) => [...framer.push(samples.subarray(at, (at += size)))]);
        const last = framer.flush();

        const whole = new Int16Array(Math.ceil(total / FRAME_SAMPLES) * FRAME_SAMPLES);
        whole.set(samples);
        assert.deepEqual(joined(last === undefined ? frames : [...frames, last]), whole);
        assert.equal(framer.flush(), undefined);
      }),
    );
  });

  it('gives each frame away for good: the next does not change it', () => {
    const [first] = [...new Framer().push(ramp(2 * FRAME_SAMPLES))];
    assert.deepEqual(first, ramp(FRAME_SAMPLES));
  });
});

describe('framesOf', () => {
  it('leaves out less than a frame at the end', () => {
    assert.deepEqual(framesOf(ramp(2 * FRAME_SAMPLES + 319)), [
      ramp(FRAME_SAMPLES),
      ramp(FRAME_SAMPLES, FRAME_SAMPLES),
    ]);
  });
});
