import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { levelDb } from '../../../common/src/audio/level.ts';
import { readWav } from '../../../common/src/audio/wav.ts';
import { seededRandom } from '../../../common/src/time/random.ts';
import { MicrophoneHealth } from '../../src/audio/microphone-health.ts';
import type { MicrophoneFault } from '../../src/audio/ports.ts';

const speech = readWav('server-stub/voices/caller/caller-garden.wav');
const random = seededRandom(5);

/** `seconds` of a person who talks at `speechDb` and pauses, in a room with noise of `noise` at its peaks. */
function talk(seconds: number, speechDb: number, noise = 20): Int16Array {
  const gain = 10 ** ((speechDb - levelDb(speech)) / 20);
  return Int16Array.from({ length: seconds * 16_000 }, (_, index) => {
    const at = index % (speech.length + 16_000);
    const said = at < speech.length ? speech[at]! * gain : 0;
    return clip(said + (random() - 0.5) * 2 * noise);
  });
}

function clip(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}

/** @param peaks of the harmonics, from the first */
function withHum(samples: Int16Array, hertz: number, peaks: readonly number[]): Int16Array {
  return samples.map((sample, index) =>
    clip(
      peaks.reduce(
        (sum, peak, order) => sum + peak * Math.sin((2 * Math.PI * hertz * (order + 1) * index) / 16_000),
        sample,
      ),
    ),
  );
}

function judged(samples: Int16Array, played?: (second: number) => Int16Array): MicrophoneHealth {
  const health = new MicrophoneHealth();
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
    if (played !== undefined) health.played(played(at / 16_000));
    health.add(samples.subarray(at, at + FRAME_SAMPLES));
  }
  return health;
}

describe("a microphone's health", () => {
  const rows: readonly (readonly [string, () => Int16Array, MicrophoneFault | undefined])[] = [
    ['a voice at the handset', () => talk(20, -28), undefined],
    ['a soft voice', () => talk(20, -40), undefined],
    ['a voice over a loud room', () => talk(20, -25, 600), undefined],
    ['a voice on an offset of the card', () => talk(20, -28).map((sample) => sample + 800), undefined],
    ['a quiet room in which nobody speaks', () => talk(20, -120), undefined],
    ['a voice with a little hum', () => withHum(talk(20, -28), 50, [60, 30]), undefined],
    ['a voice that reaches nobody', () => talk(20, -58, 3), 'quiet'],
    ['the same, on an offset', () => talk(20, -58, 3).map((sample) => sample - 800), 'quiet'],
    ['an overdriven input', () => talk(20, -2), 'clipped'],
    ['digital zeros', () => new Int16Array(20 * 16_000), 'dead'],
    ['one value for ever', () => new Int16Array(20 * 16_000).fill(-731), 'dead'],
    ['hum of 50 Hz', () => withHum(talk(20, -35), 50, [900, 500, 300]), 'hum'],
    ['hum of 60 Hz', () => withHum(talk(20, -35), 60, [900, 500, 300]), 'hum'],
    ['hum of a mains that is a little off', () => withHum(talk(20, -35), 49.8, [900, 500, 300]), 'hum'],
    ['hum in which nobody speaks', () => withHum(talk(20, -120), 50, [400, 900]), 'hum'],
  ];
  for (const [what, samples, fault] of rows) {
    it(`${what}: ${fault ?? 'well'}`, () => assert.equal(judged(samples()).fault(), fault));
  }

  it('is well again with the first sound of a card that gates a quiet room', () => {
    const health = judged(new Int16Array(20 * 16_000));
    health.add(talk(1, -30).subarray(0, FRAME_SAMPLES));
    assert.equal(health.fault(), undefined);
  });

  it('takes what the speaker plays for nobody’s speech', () => {
    const echo = talk(20, -58, 3);
    assert.equal(
      judged(echo, () => new Int16Array(FRAME_SAMPLES).fill(0).map((_, at) => (at % 2) * 4_000)).fault(),
      undefined,
    );
  });

  it('counts the gain that is added behind it', () => {
    const health = judged(talk(20, -58, 3));
    assert.equal(health.fault(3), 'quiet' satisfies MicrophoneFault);
    assert.equal(health.fault(18), undefined);
  });

  it('reads its numbers for the report', () => {
    const { speechDbfs, clippedShare, offset, humDbfs, fault } = judged(
      withHum(talk(20, -30), 50, [900, 500, 300]).map((sample) => clip(sample + 328)),
    ).reading();
    assert.ok(humDbfs !== null && Math.abs(humDbfs - -33) <= 2, `${humDbfs}`);
    assert.ok(Math.abs(offset - 0.01) < 0.001, `${offset}`);
    assert.deepEqual([clippedShare, fault], [0, 'hum']);
    assert.ok(speechDbfs === null || speechDbfs > -40);
  });
});
