import { StageError } from '../ports.ts';
import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import { sentences } from '../sentences.ts';
import { inTime } from './in-time.ts';
import type { Steadiness } from './steadiness.ts';
import { giveUp, mayGoOn } from './steadiness.ts';

/** ms */
const PATIENCE = { firstMs: 4_000, nextMs: 3_000 };

/**
 * A language model that may fail. It says whole sentences only, so that nothing is said twice and nothing breaks off in
 * mid-word: before the first whole sentence a failure is tried again, after it the answer ends there.
 */
export class SteadyLanguageModel implements LanguageModel {
  readonly #service: LanguageModel;
  readonly #standIn: LanguageModel;
  readonly #with: Steadiness;
  /** True when the model would have nothing sensible to answer, because nobody was heard. */
  readonly #deaf: () => boolean;

  constructor(service: LanguageModel, standIn: LanguageModel, steadiness: Steadiness, deaf: () => boolean = () => false) {
    this.#service = service;
    this.#standIn = standIn;
    this.#with = steadiness;
    this.#deaf = deaf;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    for (let attempt = 1; ; attempt++) {
      const pass = this.#deaf() ? undefined : this.#with.breaker.enter();
      if (pass === undefined) {
        yield* this.#standIn.reply(request, options);
        return;
      }
      let said = false;
      try {
        for await (const sentence of sentences(this.#words(request, options))) {
          said = true;
          yield `${sentence} `;
        }
        if (said) return pass.succeeded();
        throw new StageError('language-model', 'the model answered nothing; look at its prompt and its limits', true);
      } catch (error) {
        if (options.signal.aborted) return pass.calledOff();
        pass.failed(error);
        this.#with.failed('language-model', error);
        if (said) return;
        if (!(await mayGoOn(this.#with, attempt, error, options.signal))) giveUp(this.#with, error);
      } finally {
        // The caller may have stopped listening in mid-sentence.
        pass.calledOff();
      }
    }
  }

  async *#words(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    const { clock, stage } = this.#with;
    let first = true;
    for await (const piece of inTime(clock, stage, PATIENCE, options.signal, (signal) => this.#service.reply(request, { ...options, signal }))) {
      if (first && piece !== '') {
        options.first?.();
        first = false;
      }
      yield piece;
    }
  }
}
