import type { Clock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../ports.ts';

/**
 * A circuit breaker, so that one broken service does not cost every turn of every patient a time limit: after a few
 * failures in a row it opens and the service is not asked; after a rest one request may probe it (half-open). What is
 * wrong with one request alone (`StageError.scope`) never opens it: one patient must not take the service from all.
 *
 * Not `opossum` or `cockatiel`: they wrap one promise, where a stage is a stream that may fail after its first word, and
 * they read the machine's clock, where time is a parameter here.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #settings: BreakerSettings;
  #failures = 0;
  #openUntilMs = -Infinity;
  /** When the probe under way began; its outcome is waited for only so long. */
  #probeMs: number | undefined;

  constructor(clock: Clock, settings: BreakerSettings = DEFAULT_BREAKER) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Open or half-open: the service should not be relied on. */
  get open(): boolean {
    return this.#failures >= this.#settings.failures;
  }

  /** True while the service is not asked at all; after that one request may try it. */
  get resting(): boolean {
    return this.open && this.#clock.now() < this.#openUntilMs;
  }

  /** @returns undefined when the service must not be asked now; else where to report the outcome of the request */
  enter(): BreakerPass | undefined {
    if (!this.open) return this.#pass(undefined);
    const now = this.#clock.now();
    const probing = this.#probeMs !== undefined && now - this.#probeMs < LONGEST_PROBE_MS;
    if (probing || now < this.#openUntilMs) return undefined;
    this.#probeMs = now;
    return this.#pass(now);
  }

  /** @param probeMs when it began, for a probe */
  #pass(probeMs: number | undefined): BreakerPass {
    let over = false;
    const once = (outcome: () => void) => (): void => {
      if (over) return;
      over = true;
      if (probeMs !== undefined && this.#probeMs === probeMs) this.#probeMs = undefined;
      outcome();
    };
    return {
      succeeded: once(() => {
        this.#failures = 0;
      }),
      failed: (error) => once(() => (isOwnFault(error) ? this.#answered(probeMs) : this.#failed(error)))(),
      cancelled: once(() => {}),
    };
  }

  /** It refused one request: a service that does that is alive, which is what a probe asks. */
  #answered(probeMs: number | undefined): void {
    if (probeMs !== undefined) this.#failures = 0;
  }

  #failed(error: unknown): void {
    const { failures, restMs, longestRestMs } = this.#settings;
    const askedMs = error instanceof StageError ? (error.retryAfterMs ?? 0) : 0;
    // A refused key or a wrong address does not heal by itself; a service that asks for a rest gets it.
    const opensNow = (error instanceof StageError && !error.retryable) || askedMs > LONGEST_WAIT_MS;
    this.#failures = opensNow ? Math.max(failures, this.#failures + 1) : this.#failures + 1;
    this.#openUntilMs = this.#clock.now() + Math.min(longestRestMs, Math.max(restMs, askedMs));
  }
}

function isOwnFault(error: unknown): boolean {
  return error instanceof StageError && error.scope === 'request';
}

/** A probe whose outcome nobody reported is over by then; every stage's own limits are shorter. */
const LONGEST_PROBE_MS = 60_000;

/** A service whose Retry-After is longer than this is not asked again in the same turn. */
export const LONGEST_WAIT_MS = 1_000;

interface BreakerSettings {
  /** In a row, until it opens. */
  readonly failures: number;
  readonly restMs: number;
  /** The most that a Retry-After can ask for. */
  readonly longestRestMs: number;
}

const DEFAULT_BREAKER: BreakerSettings = { failures: 3, restMs: 30_000, longestRestMs: 300_000 };

/** Takes the outcome of one request; only the first report counts. */
export interface BreakerPass {
  succeeded(): void;
  failed(error: unknown): void;
  /** The patient went on speaking: says nothing about the service. */
  cancelled(): void;
}
