import type OpenAI from 'openai';
import type { StageError, StageName } from '../ports.ts';
import { connectionFault, httpFault, malformed, REQUEST_LIMIT_MS } from './http.ts';

/**
 * Any server of OpenAI's form. The SDK is loaded only here.
 * @param baseURL `http(s)://HOST[:PORT]/v1` @param apiKey local servers need none
 */
export async function openOpenAi(baseURL: string, apiKey: string | undefined): Promise<OpenAI> {
  const { OpenAI: Client } = await import('openai');
  return new Client({
    baseURL,
    apiKey: apiKey ?? 'none',
    maxRetries: 0,
    timeout: REQUEST_LIMIT_MS,
    // Its log may print headers and bodies.
    logLevel: 'off',
    organization: null,
    project: null,
  });
}

/** An error of OpenAI's SDK, known by its shape: several builds of it have classes of their own. */
export function openAiFault(stage: StageName, service: string, error: unknown): StageError {
  if (error instanceof SyntaxError) return malformed(stage, service, 'what is no JSON', error);
  const { status, headers } = error as { status?: number; headers?: Headers };
  if (typeof status === 'number') return httpFault(stage, service, status, headers?.get('retry-after'), error);
  return connectionFault(stage, service, error);
}
