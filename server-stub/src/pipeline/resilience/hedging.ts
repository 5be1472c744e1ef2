import type { Clock } from '../../../../common/src/time/clock.ts';
import { ignore, linkedAbort } from '../../system/async-tools.ts';

/**
 * Hedged requests (Dean and Barroso, The Tail at Scale, 2013): while a service is so slow that an answer would take too
 * long, each request is sent several times at once and the quickest answer is used. That costs more money and can make a
 * busy service busier, so a quick service is asked once, and so is a service that failed within the last minute.
 */
export class ResponseTimes {
  readonly #clock: Clock;
  readonly #hedging: Hedging;
  readonly #latest: number[] = [];
  #slow = false;
  #failedUntilMs = -Infinity;

  constructor(clock: Clock, hedging: Hedging) {
    this.#clock = clock;
    this.#hedging = hedging;
  }

  /** How many times to send the next request. */
  get requests(): number {
    return this.#slow && this.#clock.now() >= this.#failedUntilMs ? this.#hedging.requests : 1;
  }

  add(firstResultMs: number): void {
    this.#latest.push(firstResultMs);
    if (this.#latest.length > KEPT) this.#latest.shift();
    const median = [...this.#latest].sort((one, other) => one - other)[this.#latest.length >> 1]!;
    // The quickest of several requests is quicker than one would be, so hedging ends at a lower median than it begins at.
    this.#slow = this.#latest.length >= ENOUGH && median > this.#hedging.slowMs * (this.#slow ? HYSTERESIS : 1);
  }

  failed(): void {
    this.#failedUntilMs = this.#clock.now() + NO_HEDGING_AFTER_FAILURE_MS;
  }
}

/** From which median time to the first result a service is slow, and how many times it is asked then. */
export interface Hedging {
  readonly slowMs: number;
  readonly requests: number;
}

export const NO_HEDGING: Hedging = { slowMs: Infinity, requests: 1 };

/** Two thirds to three quarters of the stages' budgets (800 and 500 ms): a slower service often makes an answer take over two seconds. */
export const HEDGING = {
  languageModel: { slowMs: 600, requests: 3 },
  // Vendors bill speech by the character, and only the first sentence is hedged.
  textToSpeech: { slowMs: 375, requests: 2 },
} as const satisfies Record<string, Hedging>;

const KEPT = 15;
const ENOUGH = 3;
const HYSTERESIS = 0.75;
const NO_HEDGING_AFTER_FAILURE_MS = 60_000;

/**
 * The same request sent `requests` times at once: the items of the one whose first item comes first. The others are
 * aborted then. Fails when all of them failed.
 */
export async function* hedged<T>(
  requests: number,
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const all = Array.from({ length: requests }, () => new HedgedRequest(signal, open));
  try {
    const first = await Promise.any(all.map((request) => request.first)).catch((error: AggregateError) => {
      throw error.errors[0];
    });
    for (const request of all) if (request !== first.request) request.stop();
    yield* first.request.from(first.result);
  } finally {
    for (const request of all) request.stop();
  }
}

class HedgedRequest<T> {
  readonly first: Promise<{ readonly request: HedgedRequest<T>; readonly result: IteratorResult<T> }>;
  readonly #abort: ReturnType<typeof linkedAbort>;
  readonly #iterator: AsyncIterator<T>;

  constructor(signal: AbortSignal, open: (signal: AbortSignal) => AsyncIterable<T>) {
    this.#abort = linkedAbort(signal);
    this.#iterator = open(this.#abort.signal)[Symbol.asyncIterator]();
    this.first = this.#iterator.next().then((result) => ({ request: this, result }));
  }

  async *from(first: IteratorResult<T>): AsyncGenerator<T> {
    for (let result = first; result.done !== true; result = await this.#iterator.next()) yield result.value;
  }

  stop(): void {
    this.#abort.abort();
    this.#abort.release();
    this.#iterator.return?.().then(ignore, ignore);
  }
}
