import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import { StageError } from '../../src/pipeline/ports.ts';
import type { LanguageModel, Transcript } from '../../src/pipeline/ports.ts';
import { MODEL_REQUESTS_A_TURN } from '../../src/pipeline/request-budget.ts';
import { CircuitBreaker } from '../../src/pipeline/resilience/circuit-breaker.ts';
import { HEDGING, ResponseTimes } from '../../src/pipeline/resilience/hedging.ts';
import { ResilientLanguageModel } from '../../src/pipeline/resilience/resilient-llm.ts';
import { scriptedPipeline, SILENCE, VOICE, world } from '../support/world.ts';

/** A turn of `pauses` pauses with a model so slow that it is hedged. @returns how many requests each turn made */
async function turnWith(
  pauses: number,
  fails: boolean,
): Promise<{ asked: number; counted: number; perTurn: number[] }> {
  const clock = new VirtualClock();
  const { pipeline } = scriptedPipeline({ greetingMs: 200 });
  let asked = 0;
  const slow: LanguageModel = {
    async *reply({ occasion }) {
      asked++;
      await new Promise<void>((resolve) => clock.after(occasion === 'greeting' ? 10 : 900, resolve));
      if (fails && occasion === 'answer') throw new StageError('language-model', 'failed on purpose', true);
      yield 'hello there. ';
    },
  };
  const responseTimes = new ResponseTimes(clock, HEDGING.languageModel);
  const resilience = {
    clock,
    stage: 'language-model',
    breaker: new CircuitBreaker(clock),
    responseTimes,
    failed: () => {},
  } as const;
  let words = 0;
  async function* transcribe(audio: AsyncIterable<Int16Array>): AsyncGenerator<Transcript> {
    for await (const chunk of audio)
      if (chunk.length === 0) yield { text: `these are ${++words} words`, final: false, settled: true };
    yield { text: `these are ${words} words`, final: true };
  }
  const here = world({
    clock,
    core: {
      pipeline: {
        ...pipeline,
        speechToText: { transcribe },
        languageModel: new ResilientLanguageModel(slow, pipeline.languageModel, resilience),
      },
    },
  });
  const phone = here.connect();
  phone.hello();
  await here.speak(phone, SILENCE, 1_000 / FRAME_MS);
  for (let result = 0; result < 15; result++) responseTimes.add(900);
  const perTurn: number[] = [];
  here.core.stats.onModelRequests = (requests) => perTurn.push(requests);
  asked = 0;
  const before = here.core.stats.modelRequests;
  for (let pause = 0; pause <= pauses; pause++) {
    await here.speak(phone, VOICE, 400 / FRAME_MS);
    await here.speak(phone, SILENCE, 400 / FRAME_MS);
  }
  await here.speak(phone, SILENCE, 4_000 / FRAME_MS);
  return { asked, counted: here.core.stats.modelRequests - before, perTurn };
}

describe('requests to the language model in one turn', () => {
  for (const pauses of [0, 1, 4, 12])
    for (const fails of [false, true])
      it(`are within the budget with ${pauses} pauses and a model that is slow${fails ? ' and fails' : ''}`, async () => {
        const { asked, counted, perTurn } = await turnWith(pauses, fails);
        assert.ok(asked >= 1 && asked <= MODEL_REQUESTS_A_TURN, `${asked} requests`);
        assert.equal(counted, asked);
        assert.deepEqual(perTurn, [asked]);
      });
});
