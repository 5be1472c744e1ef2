import type { Verdict } from './violation.ts';

/** Promise 2: the speaker is never over 100 ms without voice, prompt or comfort noise while the receiver is up. */
export class SilenceJudge {
  readonly #verdict: Verdict;
  #silentFrames = 0;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  rendered(frame: Int16Array): void {
    if (!isSilent(frame)) this.#silentFrames = 0;
    else if (++this.#silentFrames === MOST_SILENT_FRAMES + 1) {
      this.#verdict.fail(
        2,
        'silence',
        `the speaker gave nothing for over ${MOST_SILENT_FRAMES * 20} ms: no voice, no prompt, no comfort noise`,
      );
    }
  }

  /** @param sinceMs how long the card has asked for nothing, stalls of its own not counted */
  undriven(sinceMs: number): void {
    if (sinceMs > 100)
      this.#verdict.fail(
        2,
        'speaker-closed',
        `the receiver is up and a call is on, but the speaker has been closed for ${Math.round(sinceMs)} ms`,
      );
  }
}

const MOST_SILENT_FRAMES = 5;
/** Rounding of nothing; comfort noise at its quietest (−70 dBFS) has an RMS of 10. */
const NOTHING = 2;
/** Comfort noise of 64 samples without one above `NOTHING` does not happen. */
const STRIDE = 5;

function isSilent(frame: Int16Array): boolean {
  for (let at = 0; at < frame.length; at += STRIDE) if (frame[at]! > NOTHING || frame[at]! < -NOTHING) return false;
  return true;
}
