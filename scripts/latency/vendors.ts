import type { Random } from '../../protocol/src/index.ts';
import type { VirtualClock } from '../../protocol/src/virtual-clock.ts';
import type { Pipeline, SpeechToText, TextToSpeech } from '../../server-stub/src/pipeline/ports.ts';
import { CircuitBreaker } from '../../server-stub/src/pipeline/steady/circuit-breaker.ts';
import { Pace, SLOW_MS } from '../../server-stub/src/pipeline/steady/pace.ts';
import { SteadySpeechToText } from '../../server-stub/src/pipeline/steady/steady-ears.ts';
import { SteadyLanguageModel } from '../../server-stub/src/pipeline/steady/steady-model.ts';
import { SteadyVoice } from '../../server-stub/src/pipeline/steady/steady-voice.ts';
import { openElevenLabs, openOpenAi } from '../../server-stub/src/pipeline/vendors/clients.ts';
import { ElevenLabsEars } from '../../server-stub/src/pipeline/vendors/elevenlabs-ears.ts';
import { ElevenLabsVoice } from '../../server-stub/src/pipeline/vendors/elevenlabs-voice.ts';
import { OpenAiModel } from '../../server-stub/src/pipeline/vendors/openai-model.ts';
import { FakeElevenLabs } from '../../server-stub/test/vendors/fake-elevenlabs.ts';
import { FakeOpenAi } from '../../server-stub/test/vendors/fake-openai.ts';
import { spread } from './spread.ts';

/** ms: the last word to its text, the request to the first word, the request to the first sound. */
export const BUDGETS = { stt: 500, llm: 800, tts: 500 } as const;

export type StageKey = keyof typeof BUDGETS;

export interface VendorsOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly stages: 'p95' | 'median';
  /** False: text is spoken when all of it is there, and nothing is prepared. */
  readonly overlap: boolean;
}

export interface OpenVendors {
  readonly pipeline: Pipeline;
  readonly stageMs: Record<keyof typeof BUDGETS, number[]>;
  close(): Promise<void>;
}

const KEY = 'a-key-of-no-value';
/** A realtime recogniser's words before they are final: sooner by this share. */
const PARTIAL_SHARE = 0.4;
/** Between two pieces of an answer (four characters), and of sound (150 ms of it). */
const TOKEN_MS = 15;
const SOUND_MS = 20;

export async function openVendors({ clock, random, stages, overlap }: VendorsOptions): Promise<OpenVendors> {
  const stageMs: OpenVendors['stageMs'] = { stt: [], llm: [], tts: [] };
  const first = (stage: keyof typeof BUDGETS): (() => number) => {
    const draw = spread(random, BUDGETS[stage], stages);
    return () => {
      const ms = draw();
      stageMs[stage].push(ms);
      return ms;
    };
  };
  const partial = spread(random, BUDGETS.stt * PARTIAL_SHARE, stages);
  const elevenLabs = new FakeElevenLabs({
    clock, key: KEY, delays: { firstMs: first('tts'), nextMs: () => SOUND_MS }, hearingDelays: { firstMs: first('stt'), nextMs: partial },
  });
  const openAi = new FakeOpenAi({ clock, key: KEY, delaysOf: { answers: { firstMs: first('llm'), nextMs: () => TOKEN_MS } } });
  await Promise.all([elevenLabs.listen(), openAi.listen()]);
  const client = await openElevenLabs(elevenLabs.url, KEY);
  const steady = <S extends 'speech-to-text' | 'language-model' | 'text-to-speech'>(stage: S, slowMs = Infinity) => ({ clock, stage, breaker: new CircuitBreaker(clock), pace: new Pace(clock, slowMs), failed: () => {} });
  const ears = new SteadySpeechToText(new ElevenLabsEars(client, { modelId: 'scribe_v2_realtime' }), nobody, steady('speech-to-text'));
  const voice = new SteadyVoice(new ElevenLabsVoice(client, { voiceId: 'voice', modelId: 'eleven_flash_v2_5' }), silence, steady('text-to-speech', SLOW_MS.textToSpeech));
  const model = new OpenAiModel(await openOpenAi(openAi.url, KEY), { model: 'fake', prompt: 'be kind', maxTokens: 100 });
  return {
    stageMs,
    pipeline: {
      speechToText: overlap ? ears : finalOnly(ears),
      languageModel: new SteadyLanguageModel(model, { async *reply() {} }, steady('language-model', SLOW_MS.languageModel)),
      textToSpeech: overlap ? voice : wholeText(voice),
      standby: { voice: silence, fillers: [], apologies: [] },
      voiceActivity: () => ({ isVoice: (frame) => frame.some((sample) => Math.abs(sample) > 1_000), close() {} }),
    },
    close: async () => { await Promise.all([elevenLabs.close(), openAi.close()]); },
  };
}

function finalOnly(ears: SpeechToText): SpeechToText {
  return {
    async *transcribe(audio, options) {
      for await (const transcript of ears.transcribe(audio, options)) if (transcript.final) yield transcript;
    },
  };
}

function wholeText(voice: TextToSpeech): TextToSpeech {
  return {
    async *speak(text, options) {
      const whole: string[] = [];
      for await (const piece of text) whole.push(piece);
      yield* voice.speak((async function* () { yield whole.join(''); })(), options);
    },
  };
}

const nobody: SpeechToText = { async *transcribe() { yield { text: '', final: true }; } };
const silence: TextToSpeech = { async *speak() {} };
