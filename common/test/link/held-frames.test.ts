import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FrameQueue, HeldFrames } from '../../src/link/held-frames.ts';

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

describe('held frames', () => {
  /** Five frames, 10 … 14, of which 10 … 12 were sent. */
  const held = (): HeldFrames => {
    const frames = new HeldFrames(10);
    for (let frame = 0; frame < 5; frame++) frames.push(Uint8Array.of(frame));
    for (let frame = 0; frame < 3; frame++) frames.send();
    return frames;
  };

  it('go out in order, each once on a link', () => {
    const frames = held();
    assert.deepEqual([frames.sent, frames.unsent, frames.send(), frames.send(), frames.unsent], [12, 2, 13, 14, 0]);
  });

  it('are held until they are acknowledged', () => {
    const frames = held();
    frames.acknowledge(11);
    assert.deepEqual([frames.first, frames.length, frames.underWay, frames.sent], [12, 3, 1, 12]);
  });

  it('go out again on the next link, from the first that the other end does not have', () => {
    const frames = held();
    frames.restart(10);
    assert.deepEqual([frames.unsent, frames.underWay, frames.send()], [4, 0, 11]);
  });

  it('are not under way when they were released unsent', () => {
    const frames = held();
    frames.release(13);
    assert.deepEqual([frames.underWay, frames.unsent, frames.send()], [3, 1, 14]);
    frames.acknowledge(12);
    assert.equal(frames.underWay, 2);
  });

  it("are nobody's once cleared: the next link begins at the number given", () => {
    const frames = held();
    frames.clear(40);
    assert.deepEqual([frames.unsent, frames.underWay, frames.push(Uint8Array.of(1)), frames.send()], [0, 0, 40, 40]);
  });
});
