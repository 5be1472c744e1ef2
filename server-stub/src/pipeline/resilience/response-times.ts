import type { Clock } from '../../../../common/src/time/clock.ts';

/** From which median of its times to the first result a service is slow, and how many times it is asked then. */
export interface Race {
  readonly slowMs: number;
  readonly times: number;
}

export const NEVER_RACED: Race = { slowMs: Infinity, times: 1 };

/** Two thirds to three quarters of the stages' budgets (800 and 500 ms): slower, and an answer would often take over two seconds. */
export const RACED = {
  languageModel: { slowMs: 600, times: 3 },
  // Speech is paid by the letter, and only its first words are raced.
  textToSpeech: { slowMs: 375, times: 2 },
} as const satisfies Record<string, Race>;

/**
 * How quick a service has been lately. While it is so slow that an answer would take too long, each request is made several
 * times at once and the quickest is used ("hedged requests": Dean and Barroso, The Tail at Scale, 2013). More requests cost
 * more money and can make a busy service busier, so: none for a quick service, and none for a while after one failed.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #race: Race;
  readonly #latest: number[] = [];
  #slow = false;
  #onceUntilMs = -Infinity;

  constructor(clock: Clock, race: Race) {
    this.#clock = clock;
    this.#race = race;
  }

  /** How many times to ask. */
  get times(): number {
    return this.#slow && this.#clock.now() >= this.#onceUntilMs ? this.#race.times : 1;
  }

  took(firstResultMs: number): void {
    this.#latest.push(firstResultMs);
    if (this.#latest.length > KEPT) this.#latest.shift();
    const median = [...this.#latest].sort((one, other) => one - other)[this.#latest.length >> 1]!;
    // The quickest of several is quicker than one would be: a service must be quick by more than that to be asked once again.
    this.#slow = this.#latest.length >= ENOUGH && median > this.#race.slowMs * (this.#slow ? ENOUGH_QUICKER : 1);
  }

  failed(): void {
    this.#onceUntilMs = this.#clock.now() + REST_MS;
  }
}

const KEPT = 15;
const ENOUGH = 3;
const ENOUGH_QUICKER = 0.75;
const REST_MS = 60_000;
