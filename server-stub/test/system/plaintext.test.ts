import assert from 'node:assert/strict';
import { destinations } from '../../src/pipeline/destinations.ts';
import { readServiceSettings } from '../../src/pipeline/service-settings.ts';
import { ServerError } from '../../src/system/errors.ts';
import { refusePlaintext } from '../../src/system/plaintext.ts';

interface Row {
  readonly flags: Readonly<Record<string, string>>;
  readonly store?: string;
  readonly allowed?: readonly string[];
  /** The option that is refused. */
  readonly refused?: string;
}

const ROWS: readonly Row[] = [
  { flags: {} },
  { flags: { llm: 'openai' } },
  { flags: { llm: 'openai', llmUrl: 'http://[::1]:1/v1' } },
  { flags: { llm: 'openai', llmUrl: 'https://models.example/v1' } },
  { flags: { llm: 'openai', llmUrl: 'http://models.example/v1' }, refused: '--llm-url' },
  { flags: { llm: 'openai', llmUrl: 'http://10.0.0.9/v1' }, refused: '--llm-url' },
  { flags: { llm: 'openai', llmUrl: 'http://127.0.0.1.example/v1' }, refused: '--llm-url' },
  { flags: { stt: 'openai', sttUrl: 'http://models.example/v1' }, refused: '--stt-url' },
  { flags: { tts: 'openai', ttsUrl: 'http://models.example/v1' }, refused: '--tts-url' },
  { flags: { tts: 'elevenlabs', elevenlabsUrl: 'http://models.example' }, refused: '--elevenlabs-url' },
  { flags: { stt: 'elevenlabs', elevenlabsUrl: 'http://models.example' }, refused: '--elevenlabs-url' },
  // Nothing is sent to it.
  { flags: { llmUrl: 'http://models.example/v1' } },
  { flags: { llm: 'openai', llmUrl: 'http://ollama:11434/v1' }, allowed: ['ollama'] },
  { flags: { llm: 'openai', llmUrl: 'http://ollama:11434/v1' }, allowed: ['other'], refused: '--llm-url' },
  { flags: {}, store: 'memory:' },
  { flags: {}, store: 'redis://127.0.0.1' },
  { flags: {}, store: 'redis://localhost' },
  { flags: {}, store: 'rediss://store.example' },
  { flags: {}, store: 'redis://store.example', refused: '--store' },
  { flags: {}, store: 'redis://store.example', allowed: ['store.example'] },
];

describe('plain text beyond this machine', () => {
  for (const { flags, store, allowed = [], refused } of ROWS) {
    const what = JSON.stringify({ ...flags, ...(store && { store }) });
    it(`${what}${allowed.length > 0 ? ` with ${allowed.join()} allowed` : ''}: ${refused === undefined ? 'goes' : 'refused'}`, () => {
      const choice = store === undefined ? undefined : { url: store, password: undefined };
      const check = (): void =>
        refusePlaintext(destinations(readServiceSettings(flags, {}, undefined), choice), allowed);
      if (refused === undefined) return check();
      assert.throws(
        check,
        (error) => error instanceof ServerError && error.exitCode === 2 && error.message.startsWith(refused),
      );
    });
  }
});
