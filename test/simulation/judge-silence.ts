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

/**
 * Promise 6: while a person holds the receiver and no conversation is live, no stretch of 8 s passes without words.
 * A phone at rest says at once that it is there; after that it speaks seldom, by design.
 */
export class WordsJudge {
  readonly #verdict: Verdict;
  #wordlessMs = 0;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** @param waiting dialling, cut off, or between two calls; at rest or in conversation nothing is owed */
  rendered(words: boolean, waiting: boolean): void {
    if (words || !waiting) {
      this.#wordlessMs = 0;
      return;
    }
    this.#wordlessMs += 20;
    if (this.#wordlessMs === MOST_WORDLESS_MS)
      this.#verdict.fail(6, 'nothing-said', 'no conversation was live, and nothing was said for 8 s');
  }
}

const MOST_WORDLESS_MS = 8_000;
const MOST_SILENT_FRAMES = 5;
/** Rounding of nothing; comfort noise at its quietest (−70 dBFS) has an RMS of 10. */
const NOTHING = 2;
/** Comfort noise of 64 samples without one above `NOTHING` does not happen. */
const STRIDE = 5;

function isSilent(frame: Int16Array): boolean {
  for (let at = 0; at < frame.length; at += STRIDE) if (frame[at]! > NOTHING || frame[at]! < -NOTHING) return false;
  return true;
}
