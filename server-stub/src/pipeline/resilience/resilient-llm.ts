import { StageError } from '../ports.ts';
import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import { sentences } from '../sentences.ts';
import { firstOf } from './hedging.ts';
import { inTime } from './time-limit.ts';
import { paced, steadily } from './retry.ts';
import type { Steadiness } from './retry.ts';

/** ms */
const PATIENCE = { firstMs: 4_000, nextMs: 3_000 };

/**
 * A language model that may fail. It says whole sentences, or a first clause, so that nothing is said twice and nothing breaks
 * off in mid-word: before that a failure is tried again, after it the answer ends there.
 */
export class SteadyLanguageModel implements LanguageModel {
  readonly #service: LanguageModel;
  readonly #standIn: LanguageModel;
  readonly #with: Steadiness;
  /** True when the model would have nothing sensible to answer, because nobody was heard. */
  readonly #deaf: () => boolean;

  constructor(
    service: LanguageModel,
    standIn: LanguageModel,
    steadiness: Steadiness,
    deaf: () => boolean = () => false,
  ) {
    this.#service = service;
    this.#standIn = standIn;
    this.#with = steadiness;
    this.#deaf = deaf;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    const spoken = { said: false };
    yield* steadily(this.#with, options.signal, {
      ask: () => {
        const pass = this.#deaf() ? undefined : this.#with.breaker.enter();
        return pass && { pass, results: this.#attempt(request, options, spoken) };
      },
      standIn: () => this.#standIn.reply(request, options),
      enough: () => spoken.said,
    });
  }

  async *#attempt(request: ReplyRequest, options: StageOptions, spoken: { said: boolean }): AsyncGenerator<string> {
    for await (const sentence of sentences(this.#words(request, options), true)) {
      spoken.said = true;
      yield `${sentence} `;
    }
    if (!spoken.said)
      throw new StageError('language-model', 'the model answered nothing; look at its prompt and its limits', true);
  }

  async *#words(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    const { clock, stage, pace } = this.#with;
    let first = true;
    const ask = (signal: AbortSignal): AsyncIterable<string> =>
      this.#service.reply(request, { ...paced(options, pace), signal });
    for await (const piece of inTime(clock, stage, PATIENCE, options.signal, (signal) =>
      firstOf(pace.times, signal, ask),
    )) {
      if (first && piece !== '') {
        options.first?.();
        first = false;
      }
      yield piece;
    }
  }
}
