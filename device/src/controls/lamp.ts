import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { LedState } from '../panel/lamp-patterns.ts';
import { LED_PATTERNS, ledAt } from '../panel/lamp-patterns.ts';
import type { OutputLine } from './line.ts';

/** Plays patterns on one lamp. */
export class StatusLed {
  readonly #line: OutputLine;
  readonly #clock: Clock;
  #state: LedState | undefined;
  #sinceMs = 0;
  #next: Timer | undefined;

  constructor(line: OutputLine, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  /** A pattern that already plays is not begun anew. */
  show(state: LedState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#clock.now();
    this.#next?.cancel();
    this.#step();
  }

  /** A dark lamp is a phone that is off. */
  close(): void {
    this.#next?.cancel();
    this.#line.set(false);
    this.#line.close();
  }

  #step(): void {
    const { lit, forMs } = ledAt(LED_PATTERNS[this.#state!], Math.round(this.#clock.now() - this.#sinceMs));
    this.#line.set(lit);
    if (Number.isFinite(forMs)) this.#next = this.#clock.after(forMs, () => this.#step());
  }
}
