import type { Clock } from '../../../../protocol/src/index.ts';

/**
 * How quick a service has been lately. While it is so slow that an answer would take too long, each request is made twice
 * at once and the quicker one is used ("hedged requests": Dean and Barroso, The Tail at Scale, 2013). Twice the requests
 * cost twice the money and can make a busy service busier, so: never to a quick one, and not for a while after one failed.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #slowMs: number;
  readonly #latest: number[] = [];
  #slow = false;
  #onceUntilMs = -Infinity;

  /** @param slowMs a median of times to the first result from which the service counts as slow; Infinity: never */
  constructor(clock: Clock, slowMs: number) {
    this.#clock = clock;
    this.#slowMs = slowMs;
  }

  /** How many times to ask. */
  get times(): 1 | 2 {
    return this.#slow && this.#clock.now() >= this.#onceUntilMs ? 2 : 1;
  }

  took(firstResultMs: number): void {
    this.#latest.push(firstResultMs);
    if (this.#latest.length > KEPT) this.#latest.shift();
    const median = [...this.#latest].sort((one, other) => one - other)[this.#latest.length >> 1]!;
    // The quicker of two is quicker than one would be: a service must be quick by more than that to be asked once again.
    this.#slow = this.#latest.length >= ENOUGH && median > this.#slowMs * (this.#slow ? ENOUGH_QUICKER : 1);
  }

  failed(): void {
    this.#onceUntilMs = this.#clock.now() + REST_MS;
  }
}

const KEPT = 15;
const ENOUGH = 3;
const ENOUGH_QUICKER = 0.75;
const REST_MS = 60_000;

/** Medians from which an answer would often take over two seconds: about two thirds of the stages' budgets (800 and 500 ms). */
export const SLOW_MS = { languageModel: 600, textToSpeech: 375 };
