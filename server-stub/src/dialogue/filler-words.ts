import type { Standby } from '../pipeline/ports.ts';

/** What is said in place of an answer, over a whole conversation: never the same filler twice in a row. */
export class StandbyWords {
  readonly #standby: Standby;
  #fillers = 0;
  #failures = 0;

  constructor(standby: Standby) {
    this.#standby = standby;
  }

  filler(): string | undefined {
    const { fillers } = this.#standby;
    return fillers[this.#fillers++ % Math.max(1, fillers.length)];
  }

  /** The first asks to hear it again, which is also the next try; only trouble that lasts is called trouble. */
  apology(): string | undefined {
    const { apologies } = this.#standby;
    return apologies[Math.min(this.#failures++, apologies.length - 1)];
  }

  answered(): void {
    this.#failures = 0;
  }
}
