import type OpenAI from 'openai';
import type { SentenceTextToSpeech, StageOptions } from '../ports.ts';
import { reporting } from '../reporting.ts';
import { connectionFault } from '../vendors/http.ts';
import { openAiFault } from '../vendors/openai.ts';
import { bodyOf, soundOf } from './sound.ts';

export interface OpenAiTextToSpeechSettings {
  readonly model: string;
  readonly voice: string;
}

/** Any text-to-speech server that takes OpenAI's `POST /audio/speech` (Kokoro, Piper, LocalAI …), one request per sentence. */
export class OpenAiTextToSpeech implements SentenceTextToSpeech {
  readonly #client: OpenAI;
  readonly #settings: OpenAiTextToSpeechSettings;

  constructor(client: OpenAI, settings: OpenAiTextToSpeechSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *say(sentence: string, _before: string, options: StageOptions): AsyncGenerator<Int16Array> {
    yield* reporting('text-to-speech', options, this.#sound(sentence, options));
  }

  async *#sound(sentence: string, { signal }: StageOptions): AsyncGenerator<Int16Array> {
    const response = await this.#request(sentence, signal);
    const bytes = bodyOf(response.body, (cause) => connectionFault('text-to-speech', SERVICE, cause));
    yield* soundOf(bytes, response.headers.get('content-type'), PCM_RATE, SERVICE);
  }

  async #request(input: string, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#client.audio.speech.create({ ...this.#settings, input, response_format: 'pcm' }, { signal });
    } catch (error) {
      throw openAiFault('text-to-speech', SERVICE, error);
    }
  }
}

const SERVICE = 'the text-to-speech server';
/** Their `pcm` is 24 kHz s16 little-endian without a header. */
const PCM_RATE = 24_000;
