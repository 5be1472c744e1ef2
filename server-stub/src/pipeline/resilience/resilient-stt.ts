import { ignore } from '../../system/async-tools.ts';
import { ReplayableStream } from '../../system/replayable-stream.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { StageError } from '../ports.ts';
import { withoutInventions } from '../stt/inventions.ts';
import type { BreakerPass } from './circuit-breaker.ts';
import { withRetry } from './retry.ts';
import type { Resilience } from './retry.ts';
import { eachAwaited } from './time-limit.ts';

/**
 * A speech-to-text service that may fail. A connection that breaks while the patient speaks is replaced at once and gets
 * all the audio again, so mostly nobody notices; while the breaker is open the fallback transcribes.
 */
export class ResilientSpeechToText implements SpeechToText {
  readonly #service: SpeechToText;
  readonly #fallback: SpeechToText;
  readonly #resilience: Resilience;

  constructor(service: SpeechToText, fallback: SpeechToText, resilience: Resilience) {
    this.#service = service;
    this.#fallback = fallback;
    this.#resilience = resilience;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const replayable = new ReplayableStream(audio);
    yield* withRetry(this.#resilience, options.signal, {
      ask: () => {
        const pass = this.#resilience.breaker.enter();
        return pass && { pass, results: this.#attempt(replayable, pass, options) };
      },
      fallback: () => this.#fallback.transcribe(replayable.read(), options),
    });
  }

  async *#attempt(
    audio: ReplayableStream<Int16Array>,
    pass: BreakerPass,
    options: StageOptions,
  ): AsyncGenerator<Transcript> {
    const deadline = this.#deadline(audio);
    let last: Transcript | undefined;
    try {
      for await (const transcript of eachAwaited(
        options.signal,
        (signal) => this.#service.transcribe(audio.read(), { ...options, signal }),
        (next) => Promise.race([next, deadline.passed]),
      )) {
        last = { ...transcript, text: withoutInventions(transcript.text) };
        // The caller mostly stops here and does not wait for the final transcript.
        if (last.settled === true) pass.succeeded();
        yield last;
      }
    } finally {
      deadline.cancel();
    }
    if (last?.final !== true)
      throw new StageError('speech-to-text', 'the service ended without a final transcript', true);
  }

  /** Rejects some time after the end of the audio: how long the patient speaks is theirs. */
  #deadline(audio: ReplayableStream<Int16Array>): { readonly passed: Promise<never>; cancel(): void } {
    let timer: { cancel(): void } | undefined;
    let cancelled = false;
    const passed = new Promise<never>((_resolve, reject) => {
      const late = `no final transcript within ${FINAL_WITHIN_MS} ms of the last word`;
      void audio.ended.then(() => {
        if (cancelled) return;
        timer = this.#resilience.clock.after(FINAL_WITHIN_MS, () =>
          reject(new StageError('speech-to-text', late, true)),
        );
      });
    });
    passed.catch(ignore);
    return {
      passed,
      cancel: () => {
        cancelled = true;
        timer?.cancel();
      },
    };
  }
}

const FINAL_WITHIN_MS = 4_000;
