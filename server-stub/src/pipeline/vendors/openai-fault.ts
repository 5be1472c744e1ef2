import type { StageError, StageName } from '../ports.ts';
import { connectionFault, httpFault, malformed } from './http-fault.ts';

/** An error of OpenAI's SDK, told by its shape: which of several builds of it threw must not matter. */
export function openAiFault(stage: StageName, service: string, error: unknown): StageError {
  if (error instanceof SyntaxError) return malformed(stage, service, 'what is no JSON', error);
  const { status, headers } = error as { status?: number; headers?: Headers };
  if (typeof status === 'number') return httpFault(stage, service, status, headers?.get('retry-after'), error);
  return connectionFault(stage, service, error);
}
