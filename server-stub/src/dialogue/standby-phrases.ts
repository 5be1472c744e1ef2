import type { Standby } from '../pipeline/ports.ts';

/** Fillers and apologies, in turn over a whole conversation: never the same filler twice in a row. */
export class StandbyPhrases {
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

  /** The first one asks the patient to say it again, which is the next attempt; later ones admit trouble. */
  apology(): string | undefined {
    const { apologies } = this.#standby;
    return apologies[Math.min(this.#failures++, apologies.length - 1)];
  }

  greeting(): string | undefined {
    return this.#standby.greetings[0];
  }

  answered(): void {
    this.#failures = 0;
  }
}
