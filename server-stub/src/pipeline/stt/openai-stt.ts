import type OpenAI from 'openai';
import { wavOf } from '../../../../common/src/audio/wav.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { reportingTranscripts } from '../reporting.ts';
import { Channel, linkedAbort } from '../../system/async-tools.ts';
import { malformed } from '../vendors/http.ts';
import { openAiFault } from '../vendors/openai.ts';

/**
 * Any speech-to-text server that takes OpenAI's `POST /audio/transcriptions` (whisper.cpp, speaches, LocalAI …). It takes
 * whole recordings, so there is no transcript before a pause; what was said until then is requested in the pause already.
 */
export class OpenAiSpeechToText implements SpeechToText {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    yield* reportingTranscripts(options, audio, (heard) => this.#transcribe(heard, options));
  }

  async *#transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const abort = linkedAbort(options.signal);
    const transcripts = new Channel<Transcript>(MAX_TRANSCRIPTS);
    this.#listen(audio, transcripts, { ...options, signal: abort.signal }).catch((error: Error) =>
      transcripts.fail(error),
    );
    try {
      yield* transcripts;
    } finally {
      abort.abort();
      abort.release();
    }
  }

  async #listen(
    audio: AsyncIterable<Int16Array>,
    transcripts: Channel<Transcript>,
    { signal, language }: StageOptions,
  ): Promise<void> {
    const frames: Int16Array[] = [];
    let pauses = 0;
    const settle = async (pause: number): Promise<void> => {
      const text = await this.#textOf(frames, language, signal);
      if (pause === pauses) transcripts.push({ text, final: false, settled: true });
    };
    for await (const frame of audio) {
      if (frame.length > 0) frames.push(frame);
      // If it fails, so does the request at the end of the turn, and that is reported.
      else if (++pauses <= MAX_SETTLED) settle(pauses).catch(() => {});
    }
    signal.throwIfAborted();
    transcripts.push({ text: await this.#textOf(frames, language, signal), final: true });
    transcripts.end();
  }

  async #textOf(frames: readonly Int16Array[], language: string, signal: AbortSignal): Promise<string> {
    const answer = await this.#ask(wavOf(frames), language, signal);
    if (typeof answer?.text !== 'string') throw malformed('speech-to-text', SERVICE, 'an answer without text');
    return answer.text.trim();
  }

  async #ask(
    wav: Uint8Array<ArrayBuffer>,
    language: string,
    signal: AbortSignal,
  ): Promise<{ text?: unknown } | undefined> {
    try {
      const file = new File([wav], 'speech.wav', { type: 'audio/wav' });
      return await this.#client.audio.transcriptions.create(
        { file, model: this.#model, language: language.split('-', 1)[0]!, response_format: 'json' },
        { signal },
      );
    } catch (error) {
      throw openAiFault('speech-to-text', SERVICE, error);
    }
  }
}

/** Requests for what was said until a pause, in one turn: somebody who pauses after every word must not cost a request each. */
const MAX_SETTLED = 3;
/** Not yet read. */
const MAX_TRANSCRIPTS = 100;
const SERVICE = 'the speech-to-text server';
