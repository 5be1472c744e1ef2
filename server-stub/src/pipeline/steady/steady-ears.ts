import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { StageError } from '../ports.ts';
import { linkedAbort } from './in-time.ts';
import type { Steadiness } from './steadiness.ts';
import { giveUp, mayGoOn } from './steadiness.ts';
import { Tape } from './tape.ts';

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
    for (let attempt = 1; ; attempt++) {
      const pass = this.#with.breaker.enter();
      if (pass === undefined) {
        yield* this.#standIn.transcribe(tape.read(), options);
        return;
      }
      try {
        yield* this.#attempt(tape, options);
        return pass.succeeded();
      } catch (error) {
        if (options.signal.aborted) return pass.calledOff();
        pass.failed(error);
        this.#with.failed('speech-to-text', error);
        if (!(await mayGoOn(this.#with, attempt, error, options.signal))) giveUp(this.#with, error);
      }
    }
  }

  async *#attempt(tape: Tape<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const abort = linkedAbort(options.signal);
    const iterator = this.#service.transcribe(tape.read(), { ...options, signal: abort.signal })[Symbol.asyncIterator]();
    const deadline = this.#deadline(tape);
    let last: Transcript | undefined;
    try {
      for (;;) {
        const next = iterator.next();
        next.catch(ignore);
        const result = await Promise.race([next, deadline.passed]);
        if (result.done === true) break;
        last = result.value;
        yield last;
      }
    } finally {
      deadline.cancel();
      abort.abort();
      abort.release();
      iterator.return?.().then(ignore, ignore);
    }
    if (last?.final !== true) throw new StageError('speech-to-text', 'the service ended without a final transcript', true);
  }

  #deadline(tape: Tape<Int16Array>): { readonly passed: Promise<never>; cancel(): void } {
    let timer: { cancel(): void } | undefined;
    let cancelled = false;
    const passed = new Promise<never>((_resolve, reject) => {
      void tape.ended.then(() => {
        if (cancelled) return;
        timer = this.#with.clock.after(FINAL_WITHIN_MS, () => {
          reject(new StageError('speech-to-text', `no final transcript within ${FINAL_WITHIN_MS} ms of the last word`, true));
        });
      });
    });
    passed.catch(ignore);
    return { passed, cancel: () => { cancelled = true; timer?.cancel(); } };
  }
}

function ignore(): void {}
