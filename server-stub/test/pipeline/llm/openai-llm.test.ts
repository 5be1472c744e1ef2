import assert from 'node:assert/strict';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../../../src/pipeline/ports.ts';
import type { StageOptions } from '../../../src/pipeline/ports.ts';
import { OpenAiLanguageModel } from '../../../src/pipeline/llm/openai-llm.ts';
import { openOpenAi } from '../../../src/pipeline/vendors/openai.ts';
import { FakeOpenAi } from '../fakes/fake-openai.ts';

const KEY = 'key';
const OPTIONS: StageOptions = { signal: new AbortController().signal, language: 'en', clock: systemClock, report() {} };
const REQUEST = { history: [{ role: 'patient' as const, text: 'Hello.' }], occasion: 'answer' as const };

describe('a language model of OpenAI’s form', () => {
  let server: FakeOpenAi;
  let model: OpenAiLanguageModel;

  beforeEach(async () => {
    server = new FakeOpenAi({ key: KEY, clock: systemClock });
    await server.listen();
    model = new OpenAiLanguageModel(await openOpenAi(server.url, KEY), {
      model: 'm',
      prompt: 'be kind',
      maxTokens: 50,
    });
  });
  afterEach(() => server.close());

  async function said(): Promise<string> {
    let text = '';
    for await (const piece of model.reply(REQUEST, OPTIONS)) text += piece;
    return text;
  }

  for (const refused of ['max_tokens', 'max_completion_tokens'] as const) {
    it(`that refuses ${refused} is asked by the other name, and from then on at once`, async () => {
      server.refuses = refused;
      await said();
      const before = server.answers.requests;
      assert.equal(await said(), server.reply);
      assert.equal(server.answers.requests, before + 1);
    });
  }

  it('that ends its stream without a reason has said what it said', async () => {
    server.finishReason = null;
    assert.equal(await said(), server.reply);
  });

  it('that reasons aloud is heard without it', async () => {
    server.reply = '<think>The patient says hello.</think>Good day!';
    assert.equal(await said(), 'Good day!');
  });

  it('that filters this answer is well for everybody else', async () => {
    server.finishReason = 'content_filter';
    await assert.rejects(said(), (error: unknown) => error instanceof StageError && error.scope === 'request');
  });
});
