import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_BYTES, FRAME_SAMPLES, Framer } from '../../src/audio/framer.ts';
import { concat, ramp } from '../../../test/lib/signals.ts';

describe('Framer', () => {
  it('makes the same frames of any chunks, odd bytes too, and keeps only the rest', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 * FRAME_BYTES }), { maxLength: 20 }), (sizes) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const bytes = Buffer.from(ramp((total >> 1) + 1, 7).buffer).subarray(0, total);
        const frames: Int16Array[] = [];
        const framer = new Framer((frame) => frames.push(frame));
        let at = 0;
        for (const size of sizes) framer.push(bytes.subarray(at, (at += size)));

        assert.equal(frames.length, Math.floor(total / FRAME_BYTES));
        assert.ok(frames.every((frame) => frame.length === FRAME_SAMPLES));
        assert.deepEqual(concat(frames), ramp(frames.length * FRAME_SAMPLES, 7));
        assert.equal(framer.pendingBytes, total % FRAME_BYTES);
      }),
    );
  });

  it('gives each frame away for good: the next does not change it', () => {
    const frames: Int16Array[] = [];
    const framer = new Framer((frame) => frames.push(frame));
    framer.push(Buffer.from(ramp(2 * FRAME_SAMPLES).buffer));
    assert.deepEqual(frames[0], ramp(FRAME_SAMPLES));
  });
});
