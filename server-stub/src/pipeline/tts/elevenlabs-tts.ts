import type { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import type { SentenceTextToSpeech, StageOptions } from '../ports.ts';
import { reporting } from '../reporting.ts';
import { elevenLabsFault, SERVICE } from '../vendors/elevenlabs.ts';
import { connectionFault } from '../vendors/http.ts';
import { bodyOf, soundOf } from './sound.ts';

export interface ElevenLabsTextToSpeechSettings {
  readonly voiceId: string;
  readonly modelId: string;
}

/**
 * ElevenLabs text-to-speech by their SDK: `POST /v1/text-to-speech/{voice}/stream`, one request per sentence, 16 kHz PCM.
 * (Their SDK speaks no `stream-input` WebSocket; the next sentence is asked for while this one is heard, which hides as much.)
 */
export class ElevenLabsTextToSpeech implements SentenceTextToSpeech {
  readonly #client: ElevenLabsClient;
  readonly #settings: ElevenLabsTextToSpeechSettings;
  /** Some of their models (eleven_v3) refuse `previous_text`; found out once. */
  #takesPreviousText = true;

  constructor(client: ElevenLabsClient, settings: ElevenLabsTextToSpeechSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *say(sentence: string, before: string, options: StageOptions): AsyncGenerator<Int16Array> {
    yield* reporting('text-to-speech', options, this.#sound(sentence, before, options));
  }

  async *#sound(sentence: string, before: string, options: StageOptions): AsyncGenerator<Int16Array> {
    const { data, rawResponse } = await this.#request(sentence, before, options);
    const bytes = bodyOf(data, (cause) => connectionFault('text-to-speech', SERVICE, cause));
    yield* soundOf(bytes, rawResponse.headers.get('content-type'), PCM_RATE, SERVICE);
  }

  async #request(sentence: string, before: string, options: StageOptions): Promise<SoundResponse> {
    const previous = this.#takesPreviousText ? before : '';
    try {
      return await this.#stream(sentence, previous, options);
    } catch (error) {
      const fault = elevenLabsFault('text-to-speech', error);
      if (previous === '' || fault.scope !== 'request') throw fault;
      const response = await this.#request(sentence, '', options);
      this.#takesPreviousText = false;
      return response;
    }
  }

  #stream(sentence: string, before: string, { signal, language }: StageOptions): Promise<SoundResponse> {
    const { voiceId, modelId } = this.#settings;
    return this.#client.textToSpeech
      .stream(
        voiceId,
        {
          text: sentence,
          modelId,
          outputFormat: 'pcm_16000',
          languageCode: language.split('-', 1)[0]!,
          ...(before !== '' && { previousText: before }),
        },
        // Retries are ours: theirs wait up to a minute.
        { abortSignal: signal, maxRetries: 0 },
      )
      .withRawResponse();
  }
}

interface SoundResponse {
  readonly data: ReadableStream<Uint8Array>;
  readonly rawResponse: { readonly headers: Headers };
}

const PCM_RATE = 16_000;
