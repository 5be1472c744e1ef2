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

  /**
   * The first one asks the patient to say it again, which is the next attempt; later ones admit trouble. Between two of
   * them something else is said: apologies turn after turn frighten whoever cannot know why.
   */
  apology(): string | undefined {
    const { apologies } = this.#standby;
    const failure = this.#failures++;
    if (failure % 2 === 1 && this.#standby.fillers.length > 0) return this.filler();
    return apologies[Math.min(Math.floor(failure / 2), apologies.length - 1)];
  }

  greeting(): string | undefined {
    return this.#standby.greetings[0];
  }

  answered(): void {
    this.#failures = 0;
  }
}
