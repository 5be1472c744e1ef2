import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { Framer } from '../../src/media/framer.ts';

describe('framer', () => {
  it('cuts audio of any lengths into whole frames, sample by sample', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_500 }), { maxLength: 20 }), (lengths) => {
        const framer = new Framer();
        const frames: Int16Array[] = [];
        let sample = 0;
        for (const length of lengths) frames.push(...framer.push(Int16Array.from({ length }, () => sample++ % 30_000)));
        const last = framer.flush();
        if (last !== undefined) frames.push(last);
        assert.equal(frames.length, Math.ceil(sample / FRAME_SAMPLES));
        const flat = frames.flatMap((frame) => [...frame]);
        assert.ok(frames.every((frame) => frame.length === FRAME_SAMPLES));
        for (let at = 0; at < flat.length; at++) assert.equal(flat[at], at < sample ? at % 30_000 : 0);
        assert.equal(framer.flush(), undefined);
      }),
    );
  });
});
