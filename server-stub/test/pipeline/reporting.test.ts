import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { RecordedTextToSpeech } from '../../src/pipeline/offline/recorded-tts.ts';
import { ScriptedLanguageModel } from '../../src/pipeline/offline/scripted-llm.ts';
import { WordlessSpeechToText } from '../../src/pipeline/offline/wordless-stt.ts';
import { PAUSE } from '../../src/pipeline/ports.ts';
import type { StageOptions, StageTiming } from '../../src/pipeline/ports.ts';
import { openElevenLabs } from '../../src/pipeline/vendors/elevenlabs.ts';
import { openOpenAi } from '../../src/pipeline/vendors/openai.ts';
import { ElevenLabsSpeechToText } from '../../src/pipeline/stt/elevenlabs-stt.ts';
import { ElevenLabsTextToSpeech } from '../../src/pipeline/tts/elevenlabs-tts.ts';
import { OpenAiSpeechToText } from '../../src/pipeline/stt/openai-stt.ts';
import { OpenAiLanguageModel } from '../../src/pipeline/llm/openai-llm.ts';
import { OpenAiTextToSpeech } from '../../src/pipeline/tts/openai-tts.ts';
import { FakeElevenLabs } from './fakes/fake-elevenlabs.ts';
import { FakeOpenAi } from './fakes/fake-openai.ts';

const KEY = 'a-key-of-no-value';
const CLIP = { role: 'reply', text: 'Good day.', pcm: new Int16Array(FRAME_SAMPLES) } as const;
const REQUEST = { history: [{ role: 'patient', text: 'a fine day' }], occasion: 'answer' } as const;

/** Vendors that take 120 ms to their first result, and what is asked of them. */
class Bench {
  readonly clock = new VirtualClock();
  readonly elevenLabs = new FakeElevenLabs({ clock: this.clock, key: KEY, delays: DELAYS, hearingDelays: DELAYS });
  readonly openAi = new FakeOpenAi({
    clock: this.clock,
    key: KEY,
    delaysOf: { answers: DELAYS, hearing: DELAYS, speech: DELAYS },
  });
  readonly timings: StageTiming[] = [];
  readonly abort = new AbortController();
  readonly options: StageOptions = {
    signal: this.abort.signal,
    language: 'en',
    clock: this.clock,
    report: (timing) => this.timings.push(timing),
  };

  /** Takes all results, in virtual time. @returns how many there were */
  async run(open: (bench: Bench) => Promise<AsyncIterable<unknown>>): Promise<number> {
    await Promise.all([this.elevenLabs.listen(), this.openAi.listen()]);
    let [results, over] = [0, false];
    const taking = (async () => {
      for await (const _result of await open(this)) results++;
    })().finally(() => {
      over = true;
    });
    taking.catch(() => {});
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      // Only a service that takes its time lets time pass: sockets are real, and take none here.
      if (this.clock.pending > 0) this.clock.advance(10);
    }
    await Promise.all([this.elevenLabs.close(), this.openAi.close()]);
    return results;
  }

  /** A second of speech, and nothing after it. */
  async *speech(): AsyncGenerator<Int16Array> {
    for (let frame = 0; frame < 50; frame++) yield new Int16Array(FRAME_SAMPLES).fill(5_000);
    yield PAUSE;
  }
}

const DELAYS = { firstMs: () => 120, nextMs: () => 0 };

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

interface Row {
  readonly adapter: string;
  readonly stage: StageTiming['stage'];
  readonly takesMs: number;
  readonly open: (bench: Bench) => Promise<AsyncIterable<unknown>>;
}

const ROWS: readonly Row[] = [
  {
    adapter: 'ElevenLabs STT',
    stage: 'speech-to-text',
    takesMs: 120,
    open: async (bench) =>
      new ElevenLabsSpeechToText(await openElevenLabs(bench.elevenLabs.url, KEY), { modelId: 'scribe' }).transcribe(
        bench.speech(),
        bench.options,
      ),
  },
  {
    adapter: 'ElevenLabs TTS',
    stage: 'text-to-speech',
    takesMs: 120,
    open: async (bench) =>
      new ElevenLabsTextToSpeech(await openElevenLabs(bench.elevenLabs.url, KEY), {
        voiceId: 'voice',
        modelId: 'flash',
      }).say('Good day.', '', bench.options),
  },
  {
    adapter: 'OpenAI STT',
    stage: 'speech-to-text',
    takesMs: 120,
    open: async (bench) =>
      new OpenAiSpeechToText(await openOpenAi(bench.openAi.url, KEY), 'whisper').transcribe(
        bench.speech(),
        bench.options,
      ),
  },
  {
    adapter: 'OpenAI model',
    stage: 'language-model',
    takesMs: 120,
    open: async (bench) =>
      new OpenAiLanguageModel(await openOpenAi(bench.openAi.url, KEY), {
        model: 'm',
        prompt: 'be kind',
        maxTokens: 9,
      }).reply(REQUEST, bench.options),
  },
  {
    adapter: 'OpenAI TTS',
    stage: 'text-to-speech',
    takesMs: 120,
    open: async (bench) =>
      new OpenAiTextToSpeech(await openOpenAi(bench.openAi.url, KEY), { model: 'tts', voice: 'alloy' }).say(
        'Good day.',
        '',
        bench.options,
      ),
  },
  {
    adapter: 'wordless STT',
    stage: 'speech-to-text',
    takesMs: 0,
    open: (bench) => Promise.resolve(new WordlessSpeechToText().transcribe(bench.speech(), bench.options)),
  },
  {
    adapter: 'offline companion',
    stage: 'language-model',
    takesMs: 0,
    open: (bench) => Promise.resolve(new ScriptedLanguageModel([CLIP]).reply(REQUEST, bench.options)),
  },
  {
    adapter: 'recordings',
    stage: 'text-to-speech',
    takesMs: 0,
    open: (bench) => Promise.resolve(new RecordedTextToSpeech([CLIP]).speak(once('Good day.'), bench.options)),
  },
];

describe('a stage reports its own time', function () {
  // The vendors' libraries take seconds to load.
  this.timeout(30_000);

  for (const { adapter, stage, takesMs, open } of ROWS) {
    it(`${adapter}: once, about ${takesMs} ms`, async () => {
      const bench = new Bench();
      assert.ok((await bench.run(open)) > 0);
      assert.deepEqual(
        bench.timings.map((timing) => timing.stage),
        [stage],
      );
      const { firstResultMs, totalMs } = bench.timings[0]!;
      // What came before it on the same connection took a tick of the clock each.
      assert.ok(firstResultMs >= takesMs && firstResultMs <= takesMs + 150, `${firstResultMs} ms`);
      assert.ok(totalMs >= firstResultMs);
    });

    it(`${adapter}: nothing, when it gave nothing`, async () => {
      const bench = new Bench();
      bench.abort.abort();
      bench.elevenLabs.hearing.always('server-error');
      await bench.run(open).catch(() => 0);
      assert.ok(bench.timings.length <= (takesMs === 0 ? 1 : 0));
    });
  }
});
