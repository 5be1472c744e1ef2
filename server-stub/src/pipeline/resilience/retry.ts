import type { Clock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../ports.ts';
import type { StageName, StageOptions } from '../ports.ts';
import { LONGEST_WAIT_MS } from './circuit-breaker.ts';
import type { BreakerPass, CircuitBreaker } from './circuit-breaker.ts';
import type { ResponseTimes } from './hedging.ts';

/**
 * What the service gives; if it fails, what it gives at a second attempt; and while its breaker is open, what the
 * fallback gives.
 * @returns whether all of it was given
 * @throws {StageError}
 */
export async function* withRetry<T>(
  resilience: Resilience,
  signal: AbortSignal,
  attempts: Attempts<T>,
): AsyncGenerator<T, boolean> {
  const { breaker, responseTimes, stage } = resilience;
  for (let attempt = 1; ; attempt++) {
    const asked = attempts.ask();
    if (asked === undefined) {
      yield* attempts.fallback();
      return true;
    }
    try {
      yield* asked.results;
      asked.pass.succeeded();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      asked.pass.failed(error);
      resilience.failed(stage, error);
      if (attempts.enough?.() === true) return false;
      if (error instanceof StageError && error.scope === 'request') {
        // The same request would be refused again.
        yield* attempts.fallback();
        return true;
      }
      responseTimes.failed();
      const again = breaker.open ? !signal.aborted : await mayRetry(resilience, attempt, error, signal);
      if (!again && attempts.acceptable?.() === true) return false;
      if (!again) throw asStageError(stage, error);
    } finally {
      // The caller may have stopped reading: that says nothing about the service.
      asked.pass.cancelled();
    }
  }
}

/** What it takes to rely on a service that may fail; one per stage, shared by all conversations. */
export interface Resilience {
  readonly clock: Clock;
  readonly stage: StageName;
  readonly breaker: CircuitBreaker;
  readonly responseTimes: ResponseTimes;
  /** Told of every failed request, whatever the patient hears of it. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

export interface Attempts<T> {
  /** @returns undefined when the service must not be asked now */
  ask(): { readonly pass: BreakerPass; readonly results: AsyncIterable<T> } | undefined;
  fallback(): AsyncIterable<T>;
  /** After a failure: enough was passed on that the result may end here. */
  enough?(): boolean;
  /** After the last failure: what was passed on before may stand as it is. */
  acceptable?(): boolean;
}

/** Options whose `report` also tells `responseTimes` how quick the service is. */
export function measured(options: StageOptions, responseTimes: ResponseTimes): StageOptions {
  return {
    ...options,
    report(timing) {
      responseTimes.add(timing.firstResultMs);
      options.report(timing);
    },
  };
}

/** Waits as long as the service asked for (Retry-After). */
async function mayRetry({ clock }: Resilience, attempt: number, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (attempt > 1 || !(error instanceof StageError)) return false;
  const waitMs = Math.min(LONGEST_WAIT_MS, error.retryAfterMs ?? 0);
  if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  return !signal.aborted;
}

function asStageError(stage: StageName, error: unknown): StageError {
  if (error instanceof StageError) return error;
  return new StageError(stage, 'the service failed in an unknown way', true, { cause: error });
}
