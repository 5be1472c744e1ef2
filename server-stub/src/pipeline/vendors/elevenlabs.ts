import type { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import { ServerError } from '../../system/errors.ts';
import type { StageError, StageName } from '../ports.ts';
import { file, url } from '../setting.ts';
import { connectionFault, httpFault, REQUEST_LIMIT_MS } from './http.ts';

/** What both of its stages need. */
export const ELEVENLABS_SETTINGS = {
  elevenlabsUrl: url('https://api.elevenlabs.io', 'ElevenLabs, or one of its regions'),
  elevenlabsKeyFile: file('file with its key, mode 0600'),
};

export const SERVICE = 'ElevenLabs';

/**
 * Their SDK is loaded only here: it takes a second and 80 MB.
 * @param baseUrl `https://HOST`
 * @throws {ServerError} bad-option, without a key
 */
export async function openElevenLabs(baseUrl: string, apiKey: string | undefined): Promise<ElevenLabsClient> {
  if (apiKey === undefined)
    throw new ServerError(
      'bad-option',
      'ElevenLabs needs a key: give --elevenlabs-key-file FILE, or the credential server.elevenlabs-key',
    );
  const { ElevenLabsClient: Client } = await import('@elevenlabs/elevenlabs-js');
  return new Client({ baseUrl, apiKey, maxRetries: 0, timeoutInSeconds: REQUEST_LIMIT_MS / 1_000 });
}

/** An error of their SDK, known by its shape: several builds of it have classes of their own. */
export function elevenLabsFault(stage: StageName, error: unknown): StageError {
  const { statusCode, rawResponse } = error as { statusCode?: number; rawResponse?: { headers?: Headers } };
  if (typeof statusCode !== 'number') return connectionFault(stage, SERVICE, error);
  return httpFault(stage, SERVICE, statusCode, rawResponse?.headers?.get('retry-after'), error);
}
