import type OpenAI from 'openai';
import { readNamedFile } from '../../../../common/src/system/private-file.ts';
import { ServerError } from '../../system/errors.ts';
import type { LanguageModel, ReplyRequest, StageOptions } from '../ports.ts';
import { reporting } from '../reporting.ts';
import { malformed } from '../vendors/http.ts';
import { openAiFault } from '../vendors/openai.ts';

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

  constructor(client: OpenAI, settings: OpenAiLanguageModelSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *reply(request: ReplyRequest, options: StageOptions): AsyncGenerator<string> {
    yield* reporting('language-model', options, this.#stream(request, options));
  }

  async *#stream(request: ReplyRequest, { signal }: StageOptions): AsyncGenerator<string> {
    const { model, maxTokens } = this.#settings;
    let finished = false;
    try {
      // `max_tokens` is the name that compatible servers know; OpenAI itself still takes it.
      const stream = await this.#client.chat.completions.create(
        { model, messages: this.#messages(request), stream: true, max_tokens: maxTokens },
        { signal },
      );
      for await (const chunk of stream) {
        const choice = chunk.choices?.[0];
        if (typeof choice?.finish_reason === 'string') finished = true;
        const content = choice?.delta?.content;
        if (typeof content === 'string' && content !== '') yield content;
      }
    } catch (error) {
      throw openAiFault('language-model', 'the language model', error);
    }
    // A connection that is closed politely in mid-answer looks like its end.
    if (!finished) throw malformed('language-model', 'the language model', 'an answer without an end');
  }

  #messages({ history, occasion }: ReplyRequest): OpenAI.ChatCompletionMessageParam[] {
    const said = history.map(({ role, text }): OpenAI.ChatCompletionMessageParam => ({
      role: role === 'patient' ? 'user' : 'assistant',
      content: text,
    }));
    const cue = CUES[occasion];
    return [
      { role: 'system', content: this.#settings.prompt },
      ...said,
      ...(cue === undefined ? [] : [{ role: 'system' as const, content: cue }]),
    ];
  }
}

const CUES: Readonly<Record<ReplyRequest['occasion'], string | undefined>> = {
  greeting: 'The receiver was just lifted. Greet warmly in one short sentence, and ask how they are.',
  answer: undefined,
  silence: 'Nothing was said for a while. Ask something easy and pleasant, in one short sentence.',
};

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
