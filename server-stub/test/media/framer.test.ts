import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { FrameQueue } from '../../src/media/frame-queue.ts';
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

describe('frame queue', () => {
  it('holds what a plain map would hold', () => {
    const operation = fc.oneof(fc.constant('push' as const), fc.integer({ min: -5, max: 30 }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queue = new FrameQueue(65_530);
        const model = new Map<number, Uint8Array>();
        let next = 65_530;
        for (const step of operations) {
          if (step === 'push') {
            const frame = Uint8Array.of(next % 256);
            model.set(next, frame);
            assert.equal(queue.push(frame), next++);
          } else {
            const through = queue.first + step;
            queue.release(through);
            for (const key of [...model.keys()]) if (key <= through) model.delete(key);
          }
          assert.equal(queue.length, model.size);
          assert.equal(queue.next, next);
        }
        for (let sequence = 65_500; sequence < next + 5; sequence++)
          assert.equal(queue.at(sequence), model.get(sequence));
      }),
    );
  });

  it('goes on at another number when cleared', () => {
    const queue = new FrameQueue(10, [Uint8Array.of(1)]);
    queue.clear(40);
    assert.equal(queue.push(Uint8Array.of(2)), 40);
    assert.equal(queue.at(10), undefined);
  });
});
