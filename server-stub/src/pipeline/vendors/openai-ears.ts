import type OpenAI from 'openai';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { malformed } from './http-fault.ts';
import { openAiFault } from './openai-fault.ts';
import { voiceWav } from './voice-wav.ts';

/**
 * Any speech-to-text server that takes OpenAI's `POST /audio/transcriptions` (whisper.cpp, speaches, LocalAI …). It takes
 * whole recordings, so it hears nothing before the last word.
 */
export class OpenAiEars implements SpeechToText {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, { signal, language }: StageOptions): AsyncGenerator<Transcript> {
    const frames: Int16Array[] = [];
    for await (const frame of audio) frames.push(frame);
    signal.throwIfAborted();
    const answer = await this.#ask(voiceWav(frames), language, signal);
    if (typeof answer?.text !== 'string') throw malformed('speech-to-text', SERVICE, 'an answer without text');
    yield { text: answer.text.trim(), final: true };
  }

  async #ask(wav: Uint8Array<ArrayBuffer>, language: string, signal: AbortSignal): Promise<{ text?: unknown } | undefined> {
    try {
      const file = new File([wav], 'speech.wav', { type: 'audio/wav' });
      return await this.#client.audio.transcriptions.create({ file, model: this.#model, language: language.split('-', 1)[0]!, response_format: 'json' }, { signal });
    } catch (error) {
      throw openAiFault('speech-to-text', SERVICE, error);
    }
  }
}

const SERVICE = 'the speech-to-text server';
