import assert from 'node:assert/strict';
import { checkRawFrame, parsePacket, ProtocolError, swapL16 } from '../src/index.ts';
import type { CodecName } from '../src/index.ts';
import { bytes, VALID_PACKETS } from './fixtures.ts';

describe('a raw frame', () => {
  for (const [codec, length] of [
    ['opus', 1],
    ['opus', 1_275],
    ['pcm', 640],
  ] as [CodecName, number][]) {
    it(`is passed on as it is: ${codec}, ${length} bytes`, () => {
      const frame = Buffer.alloc(length, 7);
      assert.equal(checkRawFrame(codec, frame), frame);
    });
  }

  for (const [codec, length] of [
    ['opus', 0],
    ['opus', 1_276],
    ['pcm', 0],
    ['pcm', 320],
    ['pcm', 639],
    ['pcm', 641],
    ['pcm', 1_280],
  ] as [CodecName, number][]) {
    it(`is refused: ${codec}, ${length} bytes`, () => {
      assert.throws(
        () => checkRawFrame(codec, Buffer.alloc(length)),
        (error) => error instanceof ProtocolError && error.fault === 'bad-payload-length' && !error.dangerous,
      );
    });
  }
});

describe('L16 and raw PCM', () => {
  it('are each other with their bytes swapped', () => {
    const { payload } = parsePacket(bytes(VALID_PACKETS.find(({ name }) => name === 'L16')!.hex));
    assert.deepEqual(swapL16(payload), bytes('2301'.repeat(320)));
    assert.deepEqual(swapL16(swapL16(payload)), Buffer.from(payload));
  });

  it('are swapped into a copy', () => {
    const frame = bytes('0123 4567');
    swapL16(frame);
    assert.deepEqual(frame, bytes('0123 4567'));
  });
});
