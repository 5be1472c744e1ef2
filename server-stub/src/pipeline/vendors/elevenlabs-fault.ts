import type { StageError, StageName } from '../ports.ts';
import { connectionFault, httpFault } from './http-fault.ts';

export const SERVICE = 'ElevenLabs';

/** An error of their SDK, told by its shape: which of several builds of it threw must not matter. */
export function elevenLabsFault(stage: StageName, error: unknown): StageError {
  const { statusCode, rawResponse } = error as { statusCode?: number; rawResponse?: { headers?: Headers } };
  if (typeof statusCode !== 'number') return connectionFault(stage, SERVICE, error);
  return httpFault(stage, SERVICE, statusCode, rawResponse?.headers?.get('retry-after'), error);
}
