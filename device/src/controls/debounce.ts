import type { Clock, Timer } from '../../../common/src/time/clock.ts';

/**
 * Contacts bounce for a few milliseconds, and a trembling hand moves them for longer: a new level counts once it has
 * held for `settleMs`. The first level counts at once.
 */
export class Debouncer {
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #changed: (active: boolean) => void;
  #stable: boolean | undefined;
  #settle: Timer | undefined;

  constructor(clock: Clock, settleMs: number, changed: (active: boolean) => void) {
    this.#clock = clock;
    this.#settleMs = settleMs;
    this.#changed = changed;
  }

  level(active: boolean): void {
    this.#settle?.cancel();
    this.#settle = undefined;
    if (active === this.#stable) return;
    if (this.#stable === undefined) return this.#take(active);
    this.#settle = this.#clock.after(this.#settleMs, () => this.#take(active));
  }

  stop(): void {
    this.#settle?.cancel();
  }

  #take(active: boolean): void {
    this.#stable = active;
    this.#changed(active);
  }
}
