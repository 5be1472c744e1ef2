import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { StageError } from '../ports.ts';
import type { BreakerPass } from './circuit-breaker.ts';
import { linkedAbort } from './time-limit.ts';
import { steadily } from './retry.ts';
import type { Steadiness } from './retry.ts';
import { Tape } from './replayable.ts';

/** Time runs from the patient's last word: how long they speak is theirs. */
const FINAL_WITHIN_MS = 4_000;

/**
 * A speech-to-text service that may fail. A connection that breaks while the patient speaks is replaced at once and told
 * everything again, so mostly nobody notices; while the service is broken another one listens.
 */
export class SteadySpeechToText implements SpeechToText {
  readonly #service: SpeechToText;
  readonly #standIn: SpeechToText;
  readonly #with: Steadiness;

  constructor(service: SpeechToText, standIn: SpeechToText, steadiness: Steadiness) {
    this.#service = service;
    this.#standIn = standIn;
    this.#with = steadiness;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const tape = new Tape(audio);
    yield* steadily(this.#with, options.signal, {
      ask: () => {
        const pass = this.#with.breaker.enter();
        return pass && { pass, results: this.#attempt(tape, pass, options) };
      },
      standIn: () => this.#standIn.transcribe(tape.read(), options),
    });
  }

  async *#attempt(tape: Tape<Int16Array>, pass: BreakerPass, options: StageOptions): AsyncGenerator<Transcript> {
    const abort = linkedAbort(options.signal);
    const transcripts = this.#service.transcribe(tape.read(), { ...options, signal: abort.signal });
    const iterator = transcripts[Symbol.asyncIterator]();
    const deadline = this.#deadline(tape);
    let last: Transcript | undefined;
    try {
      for (;;) {
        const next = iterator.next();
        next.catch(ignore);
        const result = await Promise.race([next, deadline.passed]);
        if (result.done === true) break;
        last = result.value;
        // Mostly nobody waits for more.
        if (last.settled === true) pass.succeeded();
        yield last;
      }
    } finally {
      deadline.cancel();
      abort.abort();
      abort.release();
      iterator.return?.().then(ignore, ignore);
    }
    if (last?.final !== true)
      throw new StageError('speech-to-text', 'the service ended without a final transcript', true);
  }

  #deadline(tape: Tape<Int16Array>): { readonly passed: Promise<never>; cancel(): void } {
    let timer: { cancel(): void } | undefined;
    let cancelled = false;
    const passed = new Promise<never>((_resolve, reject) => {
      void tape.ended.then(() => {
        if (cancelled) return;
        timer = this.#with.clock.after(FINAL_WITHIN_MS, () => {
          reject(
            new StageError('speech-to-text', `no final transcript within ${FINAL_WITHIN_MS} ms of the last word`, true),
          );
        });
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

function ignore(): void {}
