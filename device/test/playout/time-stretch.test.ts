import assert from 'node:assert/strict';
import { seededRandom } from '../../../common/src/time/random.ts';
import { accelerate, expand } from '../../src/playout/time-stretch.ts';
import { framesOf } from '../../../common/src/audio/framer.ts';
import { dbfs, joined, roomNoise, roughness, toneOverNoise } from '../../../test/lib/sound.ts';
import { speech } from '../../../test/lib/speech.ts';

function sine(hz: number, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, at) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * hz * at) / 16_000)),
  );
}

const CALM = { quiet: false, hurry: false };
const HURRIED = { quiet: false, hurry: true };

describe('time-stretch', () => {
  for (const [name, stretch, sign] of [
    ['accelerate', accelerate, -1],
    ['expand', expand, 1],
  ] as const) {
    it(`${name} changes the length of a voiced sound, not its pitch, and does not click`, () => {
      for (const hz of [100, 150, 220, 310]) {
        const source = sine(hz, 32_000);
        const out = joined(framesOf(source).map((frame, index) => (index % 3 === 1 ? stretch(frame, CALM) : frame)));
        assert.ok((out.length - source.length) * sign > 1_000, `${hz} Hz: ${out.length - source.length} samples`);
        assert.ok(Math.abs(toneOverNoise(out, hz) - toneOverNoise(source, hz)) < 1.5, `${hz} Hz is still ${hz} Hz`);
        assert.ok(roughness(out) < roughness(source) + 60, `${hz} Hz: ${roughness(out)} against ${roughness(source)}`);
      }
    });

    it(`${name} takes the most out of a quiet frame and keeps its level`, () => {
      const out = framesOf(roomNoise(32_000, 30)).map((frame) => stretch(frame, { quiet: true, hurry: false }));
      assert.ok(out.every((frame) => frame.length === 320 + sign * 240));
      assert.ok(Math.abs(dbfs(joined(out)) - dbfs(roomNoise(32_000, 30))) < 1.5);
    });

    it(`${name} leaves alone what does not repeat itself`, () => {
      const random = seededRandom(4);
      const hiss = Int16Array.from({ length: 320 }, () => Math.round((random() - 0.5) * 20_000));
      assert.equal(stretch(hiss, { quiet: false, hurry: true }).length, 320);
    });

    for (const manner of [CALM, HURRIED]) {
      it(`${name} roughens real speech no more than speech is${manner.hurry ? ', in a hurry too' : ''}`, () => {
        const source = speech();
        const out = joined(framesOf(source).map((frame) => stretch(frame, manner)));
        assert.notEqual(out.length, source.length);
        assert.ok(roughness(out) <= roughness(source) * 1.1);
      });
    }

    it(`${name} moves further in a hurry, by whole periods`, () => {
      const changed = (manner: typeof CALM): number =>
        framesOf(speech()).reduce((sum, frame) => sum + Math.abs(stretch(frame, manner).length - 320), 0);
      assert.ok(changed(HURRIED) > 1.05 * changed(CALM), `${changed(HURRIED)} samples against ${changed(CALM)}`);
      const source = sine(220, 32_000);
      const out = joined(framesOf(source).map((frame) => stretch(frame, HURRIED)));
      assert.ok(roughness(out) < roughness(source) + 60, `${roughness(out)} against ${roughness(source)}`);
    });
  }
});
