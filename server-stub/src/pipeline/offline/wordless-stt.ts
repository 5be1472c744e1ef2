import { FRAME_MS, FRAME_SAMPLES } from '../../../../protocol/src/index.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { reportingTranscripts } from '../reporting.ts';

/** For machines without a recogniser: the transcript says that somebody spoke, and for how long, but no words. */
export class WordlessSpeechToText implements SpeechToText {
  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    yield* reportingTranscripts(options, audio, (heard) => this.#listen(heard, options));
  }

  async *#listen(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    let samples = 0;
    for await (const chunk of audio) {
      if (options.signal.aborted) return;
      samples += chunk.length;
    }
    const seconds = (samples / FRAME_SAMPLES) * (FRAME_MS / 1_000);
    yield { text: `(speech, ${seconds.toFixed(1)} s)`, final: true };
  }
}
