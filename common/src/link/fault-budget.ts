import type { Clock } from '../time/clock.ts';

/** How many messages that break the protocol are put up with, and in which time they are forgotten. */
const MOST_FAULTS = 10;
const FORGIVEN_AFTER_MS = 6_000;

/**
 * Counts faults of one link and forgets one every six seconds: whoever breaks the rules again and again is cut off,
 * a flipped bit now and then in a call of hours is not.
 */
export class FaultBudget {
  readonly #clock: Clock;
  #level = 0;
  #atMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#atMs = clock.now();
  }

  /** @returns whether that was one too many */
  spend(): boolean {
    const now = this.#clock.now();
    this.#level = Math.max(0, this.#level - (now - this.#atMs) / FORGIVEN_AFTER_MS) + 1;
    this.#atMs = now;
    return this.#level > MOST_FAULTS;
  }
}
