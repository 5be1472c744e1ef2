import type { Clock } from '../../../../protocol/src/index.ts';
import { StageError } from '../ports.ts';
import type { StageName } from '../ports.ts';
import { LONGEST_WAIT_MS } from './circuit-breaker.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';

/** What it takes to rely on a service that may fail; one per stage, shared by all conversations. */
export interface Steadiness {
  readonly clock: Clock;
  readonly stage: StageName;
  readonly breaker: CircuitBreaker;
  /** Told of every failed request, whatever the patient hears of it. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

/**
 * After a failed attempt: waits as long as the service asked for.
 * @returns whether to go on, with the service or, when it is left alone now, with who stands in for it
 */
export async function mayGoOn({ clock, breaker }: Steadiness, attempt: number, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (breaker.open) return !signal.aborted;
  if (attempt > 1 || !(error instanceof StageError)) return false;
  const waitMs = Math.min(LONGEST_WAIT_MS, error.retryAfterMs ?? 0);
  if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  return !signal.aborted;
}

/** @throws {StageError} always */
export function giveUp({ stage }: Steadiness, error: unknown): never {
  if (error instanceof StageError) throw error;
  throw new StageError(stage, 'the service failed in a way it has no words for', true, { cause: error });
}
