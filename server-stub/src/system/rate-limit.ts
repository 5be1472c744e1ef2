import type { Clock } from '../../../common/src/time/clock.ts';

/** A token bucket; full at first. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, capacity: number, perSecond: number) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
    this.#filledMs = clock.now();
  }

  /** @returns false when there were too many */
  take(): boolean {
    if (this.waitMs() > 0) return false;
    this.#tokens--;
    return true;
  }

  /** Takes what was used already, whether it was there or not. */
  spend(tokens: number): void {
    this.#fill();
    this.#tokens -= tokens;
  }

  /** @returns 0 when `take` would succeed now */
  waitMs(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1_000;
  }

  #fill(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + ((now - this.#filledMs) / 1_000) * this.#perSecond);
    this.#filledMs = now;
  }
}
