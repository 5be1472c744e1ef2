import assert from 'node:assert/strict';
import { QuietWatch } from '../../src/playout/quiet-watch.ts';
import { framesOf } from '../../../common/src/audio/framer.ts';
import { dbfs, roomNoise } from '../../../test/lib/sound.ts';
import { speech } from '../../../test/lib/speech.ts';

/** Share of frames found quiet. */
function quietShare(pcm: Int16Array): number {
  const watch = new QuietWatch();
  const list = framesOf(pcm);
  return list.filter((frame) => watch.isQuiet(frame)).length / list.length;
}

describe('QuietWatch', () => {
  const rows = [
    { name: 'digital silence', pcm: new Int16Array(32_000), min: 1, max: 1 },
    { name: 'a quiet room', pcm: roomNoise(32_000, 40), min: 1, max: 1 },
    { name: 'a quiet room with an offset', pcm: roomNoise(32_000, 40).map((sample) => sample + 800), min: 1, max: 1 },
    { name: 'a loud room', pcm: roomNoise(160_000, 200), min: 0.9, max: 1 },
    { name: 'noise as loud as speech', pcm: roomNoise(32_000, 2_000), min: 0, max: 0 },
  ];
  for (const { name, pcm, min, max } of rows) {
    it(`${name}: ${min === 0 ? 'never' : 'quiet'}`, () => {
      const share = quietShare(pcm);
      assert.ok(share >= min && share <= max, `${share}`);
    });
  }

  it('takes no loud frame of real speech for a pause', () => {
    const watch = new QuietWatch();
    for (const frame of [...framesOf(speech()), ...framesOf(speech())])
      if (watch.isQuiet(frame)) assert.ok(dbfs(frame) < -38);
  });
});
