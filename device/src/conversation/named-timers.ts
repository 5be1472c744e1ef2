import type { Clock, Timer } from '../../../common/src/time/clock.ts';

/** Timers by name: setting one again takes the place of the one before, so none is ever lost sight of. */
export class NamedTimers<Name extends string> {
  readonly #clock: Clock;
  readonly #timers = new Map<Name, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that was set and not cancelled; it counts until then, also after it has fired. */
  has(name: Name): boolean {
    return this.#timers.has(name);
  }

  after(name: Name, delayMs: number, callback: () => void): void {
    this.cancel(name);
    this.#timers.set(name, this.#clock.after(delayMs, callback));
  }

  every(name: Name, periodMs: number, callback: () => void): void {
    this.cancel(name);
    this.#timers.set(name, this.#clock.every(periodMs, callback));
  }

  cancel(...names: readonly Name[]): void {
    for (const name of names) {
      this.#timers.get(name)?.cancel();
      this.#timers.delete(name);
    }
  }

  cancelAll(): void {
    this.cancel(...this.#timers.keys());
  }
}
