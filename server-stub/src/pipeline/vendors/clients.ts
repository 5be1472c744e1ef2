import type { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import type OpenAI from 'openai';
import { ServerError } from '../../system/errors.ts';

/** The vendors' libraries are loaded only where they serve: ElevenLabs' takes a second and 80 MB. */

/** @param baseUrl `https://HOST`. @throws {ServerError} bad-option, without a key */
export async function openElevenLabs(baseUrl: string, apiKey: string | undefined): Promise<ElevenLabsClient> {
  if (apiKey === undefined)
    throw new ServerError(
      'bad-option',
      'ElevenLabs wants a key: give --elevenlabs-key-file FILE, or the credential server.elevenlabs-key',
    );
  const { ElevenLabsClient: Client } = await import('@elevenlabs/elevenlabs-js');
  return new Client({ baseUrl, apiKey, maxRetries: 0, timeoutInSeconds: REQUEST_LIMIT_S });
}

/** @param baseURL `http(s)://HOST[:PORT]/v1` @param apiKey local servers want none */
export async function openOpenAi(baseURL: string, apiKey: string | undefined): Promise<OpenAI> {
  const { OpenAI: Client } = await import('openai');
  // Its own log may print headers and bodies; ours does not.
  return new Client({
    baseURL,
    apiKey: apiKey ?? 'none',
    maxRetries: 0,
    timeout: REQUEST_LIMIT_S * 1_000,
    logLevel: 'off',
    organization: null,
    project: null,
  });
}

/** A last resort: the stages' own limits are shorter. */
const REQUEST_LIMIT_S = 30;
