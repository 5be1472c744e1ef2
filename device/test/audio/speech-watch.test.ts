import assert from 'node:assert/strict';
import { levelDb as levelOf } from '../../../common/src/audio/level.ts';
import { seededRandom } from '../../../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { framesOf } from '../../../common/src/audio/framer.ts';
import { clip } from '../../../test/lib/speech.ts';
import { SpeechWatch } from '../../src/audio/speech-watch.ts';

const FRAMES_PER_SECOND = 50;
const random = seededRandom(7);
const noise = (amplitude: number): Int16Array =>
  Int16Array.from({ length: FRAME_SAMPLES }, () => Math.round((random() - 0.5) * 2 * amplitude));

/** How many frames of `frames` are taken for speech, after three seconds of a quiet room. */
function heard(frames: Iterable<Int16Array>): number {
  const watch = new SpeechWatch();
  for (let frame = 0; frame < 3 * FRAMES_PER_SECOND; frame++) watch.hears(noise(40));
  return [...frames].filter((frame) => watch.hears(frame)).length;
}

/** Recorded speech at `levelDb` on a card that adds `offset` to every sample; its room too. */
function heardOver(offset: number, levelDb: number): number {
  const watch = new SpeechWatch();
  const card = (frame: Int16Array, gain = 1): Int16Array => frame.map((sample) => Math.round(sample * gain) + offset);
  for (let frame = 0; frame < 3 * FRAMES_PER_SECOND; frame++) watch.hears(card(noise(40)));
  const speech = clip('caller', 'caller-garden.wav');
  const gain = 10 ** ((levelDb - levelOf(speech)) / 20);
  return framesOf(speech).filter((frame) => watch.hears(card(frame, gain))).length;
}

function* repeated(amplitude: number, frames: number): Iterable<Int16Array> {
  for (let frame = 0; frame < frames; frame++) yield noise(amplitude);
}

describe('the speech watch', () => {
  for (const name of ['caller-hello', 'caller-garden', 'caller-goodbye']) {
    it(`hears ${name}`, () => assert.ok(heard(framesOf(clip('caller', `${name}.wav`))) > 10));
  }

  for (const [levelDb, offset] of [
    [-38, 200],
    [-25, 800],
    [-25, -3_000],
  ] as const) {
    it(`hears speech at ${levelDb} dBFS from a card with an offset of ${offset}`, () =>
      assert.ok(heardOver(offset, levelDb) > 10));
  }

  const QUIET: readonly (readonly [string, () => Iterable<Int16Array>])[] = [
    ['an hour of a quiet room', () => repeated(40, (3_600 * FRAMES_PER_SECOND) / 20)],
    ['digital silence', () => repeated(0, 500)],
    [
      'a fan that slowly comes up',
      function* () {
        for (let frame = 0; frame < 3_000; frame++) yield noise(40 * 1.0015 ** frame);
      },
    ],
    ['a cup put down', () => repeated(15_000, 8)],
  ];
  for (const [what, frames] of QUIET) {
    it(`takes ${what} for no speech`, () => assert.equal(heard(frames()), 0));
  }
});
