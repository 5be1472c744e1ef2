import type { Clock } from '../time/clock.ts';

/**
 * For the log of a loop that retries for ever: the first line at once, then one a minute, with the number of those held
 * back. A card that stays away must not push everything else out of the journal.
 */
export class LogBrake {
  readonly #clock: Clock;
  #loggedMs: number | undefined;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns undefined: no line now; else how many were held back since the last */
  pass(): number | undefined {
    const nowMs = this.#clock.now();
    if (this.#loggedMs !== undefined && nowMs - this.#loggedMs < AGAIN_MS) {
      this.#held++;
      return undefined;
    }
    const held = this.#held;
    this.#held = 0;
    this.#loggedMs = nowMs;
    return held;
  }
}

const AGAIN_MS = 60_000;
