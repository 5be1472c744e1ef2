import { PcmDecoder, PcmEncoder } from '../../../common/src/codec/pcm.ts';
import type { Log, LogFields } from '../../../common/src/system/log.ts';
import { seededRandom } from '../../../common/src/time/random.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { ServerCodecs } from '../../src/media/codecs.ts';
import { createServerCore } from '../../src/conversation/core.ts';
import type { CoreOptions, ServerCore } from '../../src/conversation/core.ts';
import type { Ids } from '../../src/conversation/ids.ts';
import { DEFAULT_LIMITS } from '../../src/system/limits.ts';
import type { ServerLimits } from '../../src/system/limits.ts';
import type { Pipeline, ReplyRequest } from '../../src/pipeline/ports.ts';
import { MemoryConversationStore } from '../../src/store/memory-store.ts';
import { DEVICE_ID, TestPhone } from './phone.ts';

export const VOICE = 5_000;
export const SILENCE = 0;

export const testCodecs: ServerCodecs = {
  available: ['pcm'],
  encoder: () => new PcmEncoder(),
  decoder: () => new PcmDecoder(),
  prepare: () => Promise.resolve(),
};

/** Names that tell their order: `token-0001-of-a-test`. */
export function countingIds(prefix = ''): Ids {
  let made = 0;
  const next = (kind: string): string => `${prefix}${kind}-${String(++made).padStart(4, '0')}-of-a-test`;
  return {
    conversationId: () => next('conversation'),
    responseId: () => next('response'),
    token: () => next('token'),
    matches: (presented, secret) => presented === secret,
  };
}

export interface PipelineScript {
  /** What the assistant says next, and for how long; its frames have the samples 1, 2, 3 … of that utterance. */
  greetingMs: number;
  answerMs: number;
  /** Sound per chunk of the synthesiser. */
  chunkMs: number;
  transcript: string;
  fail: 'speech-to-text' | 'language-model' | 'text-to-speech' | undefined;
  stall: 'speech-to-text' | 'language-model' | 'text-to-speech' | undefined;
  readonly requests: ReplyRequest[];
  readonly heardMs: number[];
}

/** A pipeline that answers at once, in sound whose every frame can be told from the others. */
export function scriptedPipeline(changes: Partial<PipelineScript> = {}): {
  pipeline: Pipeline;
  script: PipelineScript;
} {
  const script: PipelineScript = {
    greetingMs: 1_000,
    answerMs: 2_000,
    chunkMs: 200,
    transcript: 'a fine day',
    fail: undefined,
    stall: undefined,
    requests: [],
    heardMs: [],
    ...changes,
  };
  const at = (stage: PipelineScript['fail']): Promise<void> => {
    if (script.fail === stage) throw new TypeError('broken on purpose');
    return script.stall === stage ? new Promise(() => {}) : Promise.resolve();
  };
  const pipeline: Pipeline = {
    speechToText: {
      async *transcribe(audio) {
        let samples = 0;
        for await (const chunk of audio) samples += chunk.length;
        script.heardMs.push((samples / FRAME_SAMPLES) * FRAME_MS);
        await at('speech-to-text');
        yield { text: script.transcript, final: true };
      },
    },
    languageModel: {
      async *reply(request) {
        script.requests.push(request);
        await at('language-model');
        yield request.occasion === 'greeting'
          ? 'hello there my dear'
          : 'one two three four five six seven eight nine ten';
      },
    },
    textToSpeech: {
      async *speak(text) {
        let words = '';
        for await (const piece of text) words += piece;
        await at('text-to-speech');
        yield* sound(words, words.startsWith('hello') ? script.greetingMs : script.answerMs, script.chunkMs);
      },
    },
    standby: {
      textToSpeech: {
        async *speak() {
          yield* sound('standby', 400, 400);
        },
      },
      fillers: ['filler'],
      apologies: ['apology'],
      greetings: [],
    },
    voiceActivity: () => ({ isVoice: (frame) => Math.abs(frame[0]!) > 1_000, close() {} }),
  };
  return { pipeline, script };
}

async function* sound(
  words: string,
  totalMs: number,
  chunkMs: number,
): AsyncGenerator<{ pcm: Int16Array; text?: string }> {
  let frame = 0;
  for (let madeMs = 0; madeMs < totalMs; madeMs += chunkMs) {
    const count = Math.min(chunkMs, totalMs - madeMs) / FRAME_MS;
    const pcm = new Int16Array(count * FRAME_SAMPLES);
    for (let index = 0; index < count; index++) pcm.fill(++frame, index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES);
    yield madeMs === 0 ? { pcm, text: words } : { pcm };
  }
}

export interface World {
  readonly clock: VirtualClock;
  readonly core: ServerCore;
  readonly store: MemoryConversationStore;
  readonly script: PipelineScript;
  readonly log: { readonly level: string; readonly event: string; readonly fields: LogFields }[];
  /** A phone on a new link, accepted and not yet greeted. */
  connect(options?: { lastReceived?: number; deviceId?: string; raw?: boolean }): TestPhone;
  /** Lets `ms` pass. */
  pass(ms: number): Promise<void>;
  /** The phone says `frames` microphone frames of `level`, one every 20 ms. */
  speak(phone: TestPhone, level: number, frames: number): Promise<void>;
}

export function world(
  options: {
    limits?: Partial<ServerLimits>;
    script?: Partial<PipelineScript>;
    core?: Partial<CoreOptions>;
    clock?: VirtualClock;
    store?: MemoryConversationStore;
  } = {},
): World {
  const clock = options.clock ?? new VirtualClock();
  const store = options.store ?? new MemoryConversationStore(clock);
  const { pipeline, script } = scriptedPipeline(options.script);
  const log: World['log'] = [];
  const core = createServerCore({
    clock,
    store,
    pipeline,
    random: seededRandom(1),
    ids: countingIds(),
    log: collectingLog(log),
    codecs: testCodecs,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    ...options.core,
  });
  const pass = (ms: number): Promise<void> => passTime(clock, ms);
  return {
    clock,
    core,
    store,
    script,
    log,
    pass,
    connect({ lastReceived, deviceId = DEVICE_ID, raw = false } = {}) {
      const phone = new TestPhone(lastReceived, raw);
      core.accept(phone.socket, { deviceId, requestId: 'request', framing: raw ? 'raw' : 'rtp' });
      return phone;
    },
    async speak(phone, level, frames) {
      for (let index = 0; index < frames; index++) {
        phone.speak(level);
        await pass(FRAME_MS);
      }
    },
  };
}

/** Small steps, and between them everything that awaits nothing but other promises runs to its end. */
export async function passTime(clock: VirtualClock, ms: number): Promise<void> {
  const untilMs = clock.now() + ms;
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (clock.now() >= untilMs) return;
    clock.runUntil(Math.min(untilMs, clock.now() + STEP_MS));
  }
}

const STEP_MS = 10;

function collectingLog(lines: World['log'], common: LogFields = {}): Log {
  const at =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void lines.push({ level, event, fields: { ...common, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => collectingLog(lines, { ...common, ...fields }),
  };
}
