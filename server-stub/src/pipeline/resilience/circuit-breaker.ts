import type { Clock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../ports.ts';

/**
 * Keeps one broken service from costing every turn of every patient: after a few failures in a row it is not asked any
 * more for a while; then one request may try it, and the others wait for what becomes of that one.
 *
 * Our own, because the libraries for it (`opossum`, `cockatiel`) wrap one promise, where a stage is a stream that may fail
 * after its first word, and read the machine's clock, where time is a parameter here.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #settings: BreakerSettings;
  #failures = 0;
  #openUntilMs = -Infinity;
  #probing = false;

  constructor(clock: Clock, settings: BreakerSettings = DEFAULT_BREAKER) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** True while the service should not be relied on, a trial under way included. */
  get open(): boolean {
    return this.#failures >= this.#settings.failures;
  }

  /** @returns undefined when the service must not be asked now; else how to say what became of the request */
  enter(): BreakerPass | undefined {
    if (!this.open) return this.#pass(false);
    if (this.#probing || this.#clock.now() < this.#openUntilMs) return undefined;
    this.#probing = true;
    return this.#pass(true);
  }

  #pass(probe: boolean): BreakerPass {
    let over = false;
    const once = (outcome: () => void) => (): void => {
      if (over) return;
      over = true;
      if (probe) this.#probing = false;
      outcome();
    };
    return {
      succeeded: once(() => {
        this.#failures = 0;
      }),
      failed: (error) => once(() => this.#failed(error))(),
      calledOff: once(() => {}),
    };
  }

  #failed(error: unknown): void {
    const { failures, restMs, longestRestMs } = this.#settings;
    const askedMs = error instanceof StageError ? (error.retryAfterMs ?? 0) : 0;
    // A refused key or a wrong address does not mend itself, and who asks for a rest shall have it.
    const hopeless = (error instanceof StageError && !error.retryable) || askedMs > LONGEST_WAIT_MS;
    this.#failures = hopeless ? Math.max(failures, this.#failures + 1) : this.#failures + 1;
    this.#openUntilMs = this.#clock.now() + Math.min(longestRestMs, Math.max(restMs, askedMs));
  }
}

/** A service that asks for a longer rest than this is not asked again in the same turn. */
export const LONGEST_WAIT_MS = 1_000;

export interface BreakerSettings {
  /** In a row, until the service is left alone. */
  readonly failures: number;
  readonly restMs: number;
  /** Whatever the service asks for. */
  readonly longestRestMs: number;
}

export const DEFAULT_BREAKER: BreakerSettings = { failures: 3, restMs: 30_000, longestRestMs: 300_000 };

/** Of one request; the first word counts. */
export interface BreakerPass {
  succeeded(): void;
  failed(error: unknown): void;
  /** The patient went on speaking: says nothing about the service. */
  calledOff(): void;
}
