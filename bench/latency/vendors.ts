import type { Clock } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';
import type {
  Pipeline,
  SpeechToText,
  StageOptions,
  StageTiming,
  TextToSpeech,
} from '../../server-stub/src/pipeline/ports.ts';
import { CircuitBreaker } from '../../server-stub/src/pipeline/resilience/circuit-breaker.ts';
import { HEDGING, NO_HEDGING, ResponseTimes } from '../../server-stub/src/pipeline/resilience/hedging.ts';
import { ResilientSpeechToText } from '../../server-stub/src/pipeline/resilience/resilient-stt.ts';
import { ResilientLanguageModel } from '../../server-stub/src/pipeline/resilience/resilient-llm.ts';
import { ResilientTextToSpeech } from '../../server-stub/src/pipeline/resilience/resilient-tts.ts';
import type { Resilience } from '../../server-stub/src/pipeline/resilience/retry.ts';
import { openElevenLabs } from '../../server-stub/src/pipeline/vendors/elevenlabs.ts';
import { openOpenAi } from '../../server-stub/src/pipeline/vendors/openai.ts';
import { ElevenLabsSpeechToText } from '../../server-stub/src/pipeline/stt/elevenlabs-stt.ts';
import { ElevenLabsTextToSpeech } from '../../server-stub/src/pipeline/tts/elevenlabs-tts.ts';
import { OpenAiLanguageModel } from '../../server-stub/src/pipeline/llm/openai-llm.ts';
import { loadVoiceActivity } from '../../server-stub/src/pipeline/voice-activity.ts';
import { FakeElevenLabs } from '../../server-stub/test/pipeline/fakes/fake-elevenlabs.ts';
import { FakeOpenAi } from '../../server-stub/test/pipeline/fakes/fake-openai.ts';
import type { LatencyRun } from './runs.ts';
import { spread } from './spread.ts';

/** ms: from the last of the audio to its text, from the request to the first word, from the request to the first sound. */
export const BUDGETS = { stt: 500, llm: 800, tts: 500 } as const;

export type StageKey = keyof typeof BUDGETS;
export type StageTimes = Record<StageKey, number[]>;

export interface OpenVendors {
  readonly pipeline: Pipeline;
  /** What the services took, for every request, those dropped or beaten by another included. */
  readonly tookMs: StageTimes;
  /** What the adapters reported, of those requests that were not dropped before their first result. */
  readonly reportedMs: StageTimes;
  close(): Promise<void>;
}

/** The real adapters and the vendors' own SDKs, talking over sockets to fake vendors that take their time. */
export async function openVendors(
  clock: Clock,
  random: Random,
  { budgetIs, streaming, race }: LatencyRun,
): Promise<OpenVendors> {
  const tookMs: StageTimes = { stt: [], llm: [], tts: [] };
  const first = (stage: StageKey): (() => number) => {
    const draw = spread(random, BUDGETS[stage], budgetIs);
    return () => {
      const ms = draw();
      tookMs[stage].push(ms);
      return ms;
    };
  };
  const elevenLabs = new FakeElevenLabs({
    clock,
    key: KEY,
    sound: hum,
    delays: { firstMs: first('tts'), nextMs: () => SOUND_MS },
    hearingDelays: { firstMs: first('stt'), nextMs: spread(random, BUDGETS.stt * PARTIAL_SHARE, budgetIs) },
  });
  elevenLabs.transcript = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ');
  const openAi = new FakeOpenAi({
    clock,
    key: KEY,
    delaysOf: { answers: { firstMs: first('llm'), nextMs: () => TOKEN_MS } },
  });
  Object.defineProperty(openAi, 'reply', { get: () => REPLIES[Math.floor(random() * REPLIES.length)] });
  await Promise.all([elevenLabs.listen(), openAi.listen()]);
  const client = await openElevenLabs(elevenLabs.url, KEY);
  const resilience = (stage: Resilience['stage'], slow = NO_HEDGING): Resilience => ({
    clock,
    stage,
    breaker: new CircuitBreaker(clock),
    responseTimes: new ResponseTimes(clock, race ? slow : NO_HEDGING),
    failed: () => {},
  });
  const speechToText = new ResilientSpeechToText(
    new ElevenLabsSpeechToText(client, { modelId: 'scribe_v2_realtime' }),
    nobody,
    resilience('speech-to-text'),
  );
  const textToSpeech = new ResilientTextToSpeech(
    new ElevenLabsTextToSpeech(client, { voiceId: 'voice', modelId: 'eleven_flash_v2_5' }),
    silence,
    resilience('text-to-speech', HEDGING.textToSpeech),
  );
  const model = new OpenAiLanguageModel(await openOpenAi(openAi.url, KEY), {
    model: 'fake',
    prompt: 'be kind',
    maxTokens: 100,
  });
  const { pipeline, reportedMs } = noted({
    speechToText: streaming ? speechToText : finalOnly(speechToText),
    languageModel: new ResilientLanguageModel(
      model,
      { async *reply() {} },
      resilience('language-model', HEDGING.languageModel),
    ),
    textToSpeech: streaming ? textToSpeech : wholeText(textToSpeech),
    standby: { textToSpeech: silence, fillers: [], apologies: [], greetings: [] },
    voiceActivity: await loadVoiceActivity(),
  });
  return {
    pipeline,
    tookMs,
    reportedMs,
    close: async () => {
      await Promise.all([elevenLabs.close(), openAi.close()]);
    },
  };
}

const KEY = 'a-key-of-no-value';
/** ElevenLabs says that its realtime recogniser's first guess at a word takes 150 ms; the same share of the budget here. */
const PARTIAL_SHARE = 0.3;
/** Between two pieces of an answer (four characters), and of sound (150 ms of it). */
const TOKEN_MS = 15;
const SOUND_MS = 20;
const REPLIES = [
  'That sounds lovely. What was it like?',
  'How nice that you rang, I was thinking of you. Are you well?',
  'Oh, I can picture that. Was it warm?',
  'It is so good to hear your voice today. Do go on.',
  'I like that very much, and I could listen for hours.',
  'Yes, of course. Tell me more about it.',
];

function noted(pipeline: Pipeline): { pipeline: Pipeline; reportedMs: StageTimes } {
  const reportedMs: StageTimes = { stt: [], llm: [], tts: [] };
  const keys = { 'speech-to-text': 'stt', 'language-model': 'llm', 'text-to-speech': 'tts' } as const;
  const noting = (options: StageOptions): StageOptions => ({
    ...options,
    report(timing: StageTiming) {
      reportedMs[keys[timing.stage]].push(timing.firstResultMs);
      options.report(timing);
    },
  });
  const { speechToText, languageModel, textToSpeech } = pipeline;
  return {
    reportedMs,
    pipeline: {
      ...pipeline,
      speechToText: { transcribe: (audio, options) => speechToText.transcribe(audio, noting(options)) },
      languageModel: { reply: (request, options) => languageModel.reply(request, noting(options)) },
      textToSpeech: { speak: (text, options) => textToSpeech.speak(text, noting(options)) },
    },
  };
}

function finalOnly(speechToText: SpeechToText): SpeechToText {
  return {
    async *transcribe(audio, options) {
      for await (const transcript of speechToText.transcribe(audio, options)) if (transcript.final) yield transcript;
    },
  };
}

function wholeText(textToSpeech: TextToSpeech): TextToSpeech {
  return {
    async *speak(text, options) {
      const whole: string[] = [];
      for await (const piece of text) whole.push(piece);
      yield* textToSpeech.speak(
        (async function* () {
          yield whole.join('');
        })(),
        options,
      );
    },
  };
}

/** A loud 400 Hz from the first sample on, which the codec carries and an listener can find. */
function hum(ms: number, rate: number): Buffer {
  const sound = Buffer.alloc(Math.round((ms * rate) / 1_000) * 2);
  for (let at = 0; at < sound.length / 2; at++)
    sound.writeInt16LE(Math.round(9_000 * Math.cos((2 * Math.PI * 400 * at) / rate)), at * 2);
  return sound;
}

const nobody: SpeechToText = {
  async *transcribe() {
    yield { text: '', final: true };
  },
};
const silence: TextToSpeech = { async *speak() {} };
