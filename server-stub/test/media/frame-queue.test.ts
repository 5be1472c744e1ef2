import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FrameQueue } from '../../src/media/frame-queue.ts';

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
