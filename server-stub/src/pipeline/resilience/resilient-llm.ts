import { StageError } from '../ports.ts';
import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import { sentences } from '../sentences.ts';
import { hedged } from './hedging.ts';
import { measured, withRetry } from './retry.ts';
import type { Resilience } from './retry.ts';
import { eachWithTimeLimit } from './time-limit.ts';

/**
 * A language model that may fail. It yields whole sentences, or a first clause, so that nothing is said twice and nothing
 * breaks off in mid-word: a failure before the first one is retried, after it the answer ends there.
 */
export class ResilientLanguageModel implements LanguageModel {
  readonly #service: LanguageModel;
  readonly #fallback: LanguageModel;
  readonly #resilience: Resilience;
  readonly #useFallback: () => boolean;

  /** @param useFallback true while the model should not be asked although it works */
  constructor(
    service: LanguageModel,
    fallback: LanguageModel,
    resilience: Resilience,
    useFallback: () => boolean = () => false,
  ) {
    this.#service = service;
    this.#fallback = fallback;
    this.#resilience = resilience;
    this.#useFallback = useFallback;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    const progress = { said: false };
    let attempt = 0;
    yield* withRetry(this.#resilience, options.signal, {
      ask: () => {
        this.#afford(options, attempt++);
        const pass = this.#useFallback() ? undefined : this.#resilience.breaker.enter();
        return pass && { pass, results: this.#attempt(request, options, progress) };
      },
      fallback: () => this.#fallback.reply(request, options),
      enough: () => progress.said,
    });
  }

  /** @throws {StageError} when the turn may not ask the model again */
  #afford({ ahead, budget }: StageOptions, attempt: number): void {
    if ((ahead === true && attempt > 0) || (budget !== undefined && budget.left <= 0))
      throw new StageError('language-model', 'the turn has made all the requests it may make', false);
  }

  async *#attempt(request: ReplyRequest, options: StageOptions, progress: { said: boolean }): AsyncGenerator<string> {
    for await (const sentence of sentences(this.#pieces(request, options), true)) {
      progress.said = true;
      yield `${sentence} `;
    }
    if (!progress.said)
      throw new StageError('language-model', 'the model answered nothing; look at its prompt and its limits', true);
  }

  async *#pieces(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    const { clock, stage, responseTimes } = this.#resilience;
    const { ahead, budget } = options;
    const wanted = ahead === true ? 1 : responseTimes.requests;
    const ask = (signal: AbortSignal): AsyncIterable<string> => {
      budget?.spend();
      return this.#service.reply(request, { ...measured(options, responseTimes), signal });
    };
    let first = true;
    for await (const piece of eachWithTimeLimit(clock, stage, TIME_LIMITS, options.signal, (signal) =>
      hedged(budget?.atOnce(wanted) ?? wanted, signal, ask),
    )) {
      if (first && piece !== '') {
        options.first?.();
        first = false;
      }
      yield piece;
    }
  }
}

const TIME_LIMITS = { firstMs: 4_000, nextMs: 3_000 };
