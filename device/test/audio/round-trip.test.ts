import assert from 'node:assert/strict';
import { systemClock } from '../../../common/src/time/clock.ts';
import { openAudio } from '../../src/audio/backends.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { until } from '../../../test/lib/signals.ts';
import { needs, unlessStarved } from '../../../test/lib/skip.ts';
import { SoundCard } from '../../../test/lib/sound-card.ts';

const CLICKS = 10;
/** Further apart than any round trip. Frames */
const CLICK_EVERY = 15;
const LIMIT_MS = 100;
/** Real time on a shared machine: one disturbed run tells nothing, four do. */
const RETRIES = 3;

for (const backend of ['portaudio', 'alsa'] as const) {
  describe(`round trip of ${backend} on a sound card made of software`, function roundTrip() {
    this.timeout(20_000);
    this.slow(10_000);
    this.retries(RETRIES);
    let card: SoundCard;

    before(function start() {
      if (backend === 'portaudio') needs(this, 'naudiodon');
      card = SoundCard.startOrSkip(this);
    });
    after(() => card?.stop());

    it(
      `from render to the microphone, which hears the speaker, takes less than ${LIMIT_MS} ms`,
      unlessStarved(
        () => card,
        RETRIES,
        async () => {
          let frames = 0;
          let clickedMs: number | undefined;
          const delaysMs: number[] = [];
          const audio = await openAudio(
            backend,
            {
              capture(frame) {
                const at = frame.findIndex((sample) => sample > 5000);
                if (at < 0 || clickedMs === undefined) return;
                // The frame's end is now; the click came that much earlier.
                delaysMs.push(performance.now() - (frame.length - at) / 16 - clickedMs);
                clickedMs = undefined;
              },
              render(into) {
                into.fill(0);
                if (++frames % CLICK_EVERY !== 0) return;
                into[0] = 12_000;
                clickedMs = performance.now();
              },
              failed: (error) => assert.fail(error),
            },
            { clock: systemClock, log: silentLog },
            card.spawner({ PULSE_SOURCE: 'spk.monitor' }),
          );
          try {
            await until('the clicks', 15_000, () => delaysMs.length >= CLICKS);
            const median = delaysMs.sort((a, b) => a - b)[CLICKS >> 1]!;
            console.log(
              `      ${backend}: ${median.toFixed(0)} ms from render to capture (${delaysMs[0]!.toFixed(0)} to ${delaysMs.at(-1)!.toFixed(0)})`,
            );
            assert.ok(median < LIMIT_MS, `${median.toFixed(0)} ms`);
          } finally {
            await audio.close();
          }
        },
      ),
    );
  });
}
