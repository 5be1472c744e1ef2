import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { frameCount, hearing, recitation, wholeOf } from '../resume/recitation.ts';

/** A judge that finds nothing proves nothing. */
describe('the comparison of what was heard with what was said', () => {
  const said = recitation(1);
  const noise = new Int16Array(FRAME_SAMPLES).fill(3);
  const frame = (number: number): Int16Array => said.slice(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES);
  const heardAs = (...frames: Int16Array[]): Int16Array => Int16Array.from(frames.flatMap((each) => [...each]));

  it('is content when everything came once, with noise before, between and after', () => {
    const heard = heardAs(
      noise,
      ...wholeOf(20).map(frame),
      noise,
      noise,
      ...wholeOf(30).map((number) => frame(number + 20)),
      noise,
    );
    assert.deepEqual(hearing(heard, said), { heard: wholeOf(frameCount(said)), altered: [] });
  });

  it('forgives the blend of a frame that follows noise, and of no other', () => {
    const blended = (number: number): Int16Array => frame(number).fill(1, 0, 100);
    assert.deepEqual(hearing(heardAs(noise, blended(0), frame(1), noise, blended(2)), said), {
      heard: [0, 1, 2],
      altered: [],
    });
    assert.deepEqual(hearing(heardAs(frame(0), blended(1)), said), { heard: [0, 1], altered: [1] });
  });

  const faults: readonly (readonly [string, readonly number[]])[] = [
    ['a missing frame', [0, 1, 3]],
    ['a frame twice', [0, 1, 1, 2]],
    ['frames out of order', [0, 2, 1]],
  ];
  for (const [what, order] of faults) {
    it(`finds ${what}`, () => assert.deepEqual(hearing(heardAs(...order.map(frame)), said).heard, order));
  }

  it('does not take one wrong sample for what was said', () => {
    const wrong = frame(1);
    wrong[300]! ^= 1;
    assert.deepEqual(hearing(heardAs(frame(0), wrong, frame(2)), said).heard, [0, 2]);
  });
});
