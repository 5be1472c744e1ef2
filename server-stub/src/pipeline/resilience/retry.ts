import type { Clock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../ports.ts';
import type { StageName, StageOptions } from '../ports.ts';
import { LONGEST_WAIT_MS } from './circuit-breaker.ts';
import type { BreakerPass, CircuitBreaker } from './circuit-breaker.ts';
import type { Pace } from './response-times.ts';

/** What it takes to rely on a service that may fail; one per stage, shared by all conversations. */
export interface Steadiness {
  readonly clock: Clock;
  readonly stage: StageName;
  readonly breaker: CircuitBreaker;
  readonly pace: Pace;
  /** Told of every failed request, whatever the patient hears of it. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

/** A request under way. */
export interface Asked<T> {
  readonly pass: BreakerPass;
  readonly results: AsyncIterable<T>;
}

export interface Attempts<T> {
  /** @returns undefined when the service must not be asked now */
  ask(): Asked<T> | undefined;
  standIn(): AsyncIterable<T>;
  /** After a failure: so much was heard already that nothing is asked again. */
  enough?(): boolean;
  /** After the last failure: what was heard before may stand as it is. */
  acceptable?(): boolean;
}

/**
 * What the service gives; where it fails, what it gives the second time; and while it is left alone, what the stand-in gives.
 * @returns whether all of it was given
 * @throws {StageError}
 */
export async function* steadily<T>(
  steadiness: Steadiness,
  signal: AbortSignal,
  attempts: Attempts<T>,
): AsyncGenerator<T, boolean> {
  const { breaker, pace, stage } = steadiness;
  for (let attempt = 1; ; attempt++) {
    const asked = attempts.ask();
    if (asked === undefined) {
      yield* attempts.standIn();
      return true;
    }
    try {
      yield* asked.results;
      asked.pass.succeeded();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      asked.pass.failed(error);
      pace.failed();
      steadiness.failed(stage, error);
      if (attempts.enough?.() === true) return false;
      const goOn = breaker.open ? !signal.aborted : await mayTryAgain(steadiness, attempt, error, signal);
      if (!goOn && attempts.acceptable?.() === true) return false;
      if (!goOn) throw worded(stage, error);
    } finally {
      // The caller may have stopped listening: that says nothing about the service.
      asked.pass.calledOff();
    }
  }
}

/** The stage's time tells how quick the service is. */
export function paced(options: StageOptions, pace: Pace): StageOptions {
  return {
    ...options,
    report(timing) {
      pace.took(timing.firstResultMs);
      options.report(timing);
    },
  };
}

/** Waits as long as the service asked for. */
async function mayTryAgain(
  { clock }: Steadiness,
  attempt: number,
  error: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  if (attempt > 1 || !(error instanceof StageError)) return false;
  const waitMs = Math.min(LONGEST_WAIT_MS, error.retryAfterMs ?? 0);
  if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  return !signal.aborted;
}

function worded(stage: StageName, error: unknown): StageError {
  if (error instanceof StageError) return error;
  return new StageError(stage, 'the service failed in a way it has no words for', true, { cause: error });
}
