import type { Clock } from '../../../../protocol/src/index.ts';
import { StageError } from '../ports.ts';
import type { StageName } from '../ports.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';

/** What it takes to rely on a service that may fail; one per stage, shared by all conversations. */
export interface Steadiness {
  readonly clock: Clock;
  readonly stage: StageName;
  readonly breaker: CircuitBreaker;
  /** Told of every failed request, whatever the patient hears of it. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

/** A service that asks for a longer rest than this is not asked again in the same turn. */
const LONGEST_WAIT_MS = 1_000;

/** @returns whether another try can help; waits as long as the service asked for */
export async function mayRetry({ clock }: Steadiness, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof StageError) || !error.retryable) return false;
  const waitMs = error.retryAfterMs ?? 0;
  if (waitMs > LONGEST_WAIT_MS) return false;
  if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  return !signal.aborted;
}

/** @throws {StageError} always */
export function giveUp({ stage }: Steadiness, error: unknown): never {
  if (error instanceof StageError) throw error;
  throw new StageError(stage, 'the service failed in a way it has no words for', true, { cause: error });
}
