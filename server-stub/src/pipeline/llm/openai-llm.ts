import type OpenAI from 'openai';
import { readNamedFile } from '../../../../common/src/system/private-file.ts';
import { ServerError } from '../../system/errors.ts';
import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import { StageError } from '../ports.ts';
import { reporting } from '../reporting.ts';
import { malformed } from '../vendors/http.ts';
import { openAiFault } from '../vendors/openai.ts';
import { chatMessages } from './chat-messages.ts';
import { ThoughtFilter } from './thought-filter.ts';

export interface OpenAiLanguageModelSettings {
  readonly model: string;
  readonly prompt: string;
  /** Tokens of one answer: a spoken one is short. */
  readonly maxTokens: number;
}

/** Any language model that speaks OpenAI's chat completions (Ollama, vLLM, LocalAI, llama.cpp …), streamed, by OpenAI's SDK. */
export class OpenAiLanguageModel implements LanguageModel {
  readonly #client: OpenAI;
  readonly #settings: OpenAiLanguageModelSettings;
  #limitName: LimitName = 'max_tokens';

  constructor(client: OpenAI, settings: OpenAiLanguageModelSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    yield* reporting('language-model', options, this.#stream(request, options));
  }

  async *#stream(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    let ending: string | undefined;
    const thoughts = new ThoughtFilter();
    try {
      for await (const chunk of await this.#open(request, options)) {
        const choice = chunk.choices?.[0];
        if (typeof choice?.finish_reason === 'string') ending = choice.finish_reason;
        const content = choice?.delta?.content;
        const words = typeof content === 'string' ? thoughts.push(content) : '';
        if (words !== '') yield words;
      }
    } catch (error) {
      throw openAiFault('language-model', 'the language model', error);
    }
    const rest = thoughts.rest();
    if (rest !== '') yield rest;
    this.#judgeEnding(ending, thoughts.some);
  }

  /** @param some words were passed on */
  #judgeEnding(ending: string | undefined, some: boolean): void {
    // Some servers end with `[DONE]` and name no reason: what came is whole then. Nothing at all is no answer.
    if (ending === undefined && !some)
      throw malformed('language-model', 'the language model', 'an answer without an end');
    if (ending === 'content_filter')
      throw new StageError('language-model', 'the language model filtered its answer', false, { scope: 'request' });
    if (ending === 'length' && !some)
      throw new StageError('language-model', 'the language model spent all its tokens without a word', true);
  }

  /** The limit's name is the one that this server took last: OpenAI wants the newer one, other servers the older. */
  async #open(request: ReplyRequest, options: StageOptions): Promise<AsyncIterable<OpenAI.ChatCompletionChunk>> {
    try {
      return await this.#ask(request, options);
    } catch (error) {
      if (!refusesLimit(error, this.#limitName)) throw error;
      this.#limitName = this.#limitName === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
      return this.#ask(request, options);
    }
  }

  async #ask(request: ReplyRequest, options: StageOptions): Promise<AsyncIterable<OpenAI.ChatCompletionChunk>> {
    const { model, prompt, maxTokens } = this.#settings;
    const messages = chatMessages(prompt, request, options);
    return this.#client.chat.completions.create(
      { model, messages, stream: true, [this.#limitName]: maxTokens },
      { signal: options.signal },
    ) as Promise<AsyncIterable<OpenAI.ChatCompletionChunk>>;
  }
}

/** 400 with the parameter's name: the code and the sentence differ between servers. */
function refusesLimit(error: unknown, name: LimitName): boolean {
  const { status, param, message } = error as { status?: number; param?: unknown; message?: unknown };
  if (status !== 400 && status !== 422) return false;
  return param === name || (typeof message === 'string' && message.includes(name));
}

type LimitName = 'max_tokens' | 'max_completion_tokens';

const DEFAULT_PROMPT = [
  'You are a warm, patient companion on the telephone, talking with an older person who may have memory loss.',
  'Answer in one to three short, plain sentences that sound well when spoken. Never correct, test, argue or hurry.',
  'If something is repeated, answer as kindly as the first time. Ask one easy question at a time.',
  'Use no lists, no symbols, no stage directions. What stands in brackets, such as (speech, 2.0 s), was not understood: be kind about it.',
].join(' ');

/** @param path the default prompt when undefined. @throws {ServerError} bad-file */
export function readPrompt(path: string | undefined): string {
  if (path === undefined) return DEFAULT_PROMPT;
  const prompt = readNamedFile(path, 'llmPromptFile')?.content.trim();
  if (prompt === undefined || prompt === '')
    throw new ServerError('bad-file', `--llm-prompt-file: ${path} is missing or empty`);
  return prompt;
}
