import { powerOf } from '../../../common/src/audio/level.ts';

/** −50 dBFS: quiet in any room. −38 dBFS: speech in any room. Powers in sample units squared. */
const ALWAYS_QUIET = 104 ** 2;
const NEVER_QUIET = 412 ** 2;
/** Above the room's own noise by this and it is no longer only that: 3 dB. */
const OVER_FLOOR = 2;
/** How fast the floor is let rise, a frame: it doubles in three seconds. */
const RISE = 1.005;

/** Tells the far end's pauses from its speech, in a noisy room too: there stretching is not heard. */
export class QuietWatch {
  #floor = NEVER_QUIET;

  isQuiet(frame: Int16Array): boolean {
    const power = powerOf(frame);
    this.#floor = Math.max(1, Math.min(power, this.#floor * RISE));
    return power < NEVER_QUIET && power < Math.max(ALWAYS_QUIET, OVER_FLOOR * this.#floor);
  }
}
