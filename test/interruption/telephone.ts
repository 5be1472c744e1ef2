import { tcpFlow } from '../../device/src/connection/tcp-flow.ts';
import { PcmDecoder, PcmEncoder } from '../../common/src/codec/pcm.ts';
import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { Call } from '../../device/src/conversation/call.ts';
import type { PlaybackEvent } from '../../device/src/downlink.ts';
import { noPrompts } from '../../device/src/playout/prompts.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { createServerCore } from '../../server-stub/src/conversation/core.ts';
import type { Pipeline, ReplyRequest } from '../../server-stub/src/pipeline/ports.ts';
import { MemoryConversationStore } from '../../server-stub/src/store/memory-store.ts';
import { joined } from './joined.ts';

const DEVICE_ID = '11111111-2222-4333-8444-555555555555';
const VOICE = 20_000;
/** What an answer sounds like: nothing else does. */
export const ANSWER_LEVEL = 4_000;
export const WORDS_PER_SENTENCE = 4;
export const SENTENCES = 4;
/** Of a sentence. */
export const SENTENCE_MS = 1_000;
const TICK_MS = 20;

/**
 * One conversation in virtual time: the device's own call and the server's own core, and between them a link. The
 * patient's voice and the ear are the test's; answers are made of sentences of known words and length.
 */
export class Telephone {
  readonly clock = new VirtualClock();
  readonly playback: PlaybackEvent[] = [];
  readonly requests: ReplyRequest[] = [];
  /** Log events of the server, with the clock's time. */
  readonly events: { readonly event: string; readonly atMs: number }[] = [];
  /** The patient's words of the next turn. */
  transcript = 'and how are you';
  answers = 0;
  readonly #call: Call;
  readonly #ear = new Int16Array(FRAME_SAMPLES);

  constructor(seed: number, delayMs: number) {
    const random = seededRandom(seed);
    const core = createServerCore({
      clock: this.clock,
      random,
      codecs: pcmOnly,
      log: this.#log(),
      store: new MemoryConversationStore(this.clock),
      pipeline: this.#pipeline(),
      ids: countingIds(),
    });
    this.#call = new Call({
      clock: this.clock,
      random,
      log: silentLog,
      codecs: pcmOnly,
      codecPreference: ['pcm'],
      prompts: noPrompts,
      identity: { deviceId: DEVICE_ID, bootId: 'boot', firmware: 'test' },
      bitrate: 32_000,
      maxQueueMs: 30_000,
      language: 'en',
      outputDelayMs: () => 0,
      transport: {
        connect: (handlers) => {
          const [device, server] = joined(this.clock, delayMs);
          core.accept(server, { deviceId: DEVICE_ID, requestId: 'request', framing: 'rtp' });
          this.clock.after(0, () => handlers.opened({ socket: device, framing: 'rtp', flow: tcpFlow }));
          return { answered: true, cancel() {} };
        },
      },
      onPlayback: (event) => this.playback.push(event),
      onEnded: () => {},
    });
    this.#call.lift();
  }

  /** @returns for each 20 ms whether the answer was heard */
  async pass(ms: number, speaking: boolean): Promise<boolean[]> {
    const heard: boolean[] = [];
    for (let at = 0; at < ms; at += FRAME_MS) {
      for (let step = 0; step < FRAME_MS; step += TICK_MS) {
        this.clock.advance(TICK_MS);
        // Whatever waits for nothing but other promises runs to its end.
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#call.capture(new Int16Array(FRAME_SAMPLES).fill(speaking ? VOICE : 0));
      this.#call.render(this.#ear);
      heard.push(this.#ear.some((sample) => Math.abs(sample) > ANSWER_LEVEL / 4));
    }
    return heard;
  }

  hangUp(): void {
    this.#call.hangup('hangup');
  }

  #log(): Parameters<typeof createServerCore>[0]['log'] {
    const note = (event: string): void => void this.events.push({ event, atMs: this.clock.now() });
    const log = { debug: note, info: note, warn: note, error: note, child: () => log };
    return log;
  }

  #pipeline(): Pipeline {
    const { requests } = this;
    const transcript = (): string => this.transcript;
    const nextAnswer = (): number => ++this.answers;
    return {
      speechToText: {
        async *transcribe(audio) {
          for await (const _frame of audio);
          yield { text: transcript(), final: true };
        },
      },
      languageModel: {
        async *reply(request) {
          requests.push(request);
          if (request.occasion === 'greeting') return yield '';
          const answer = nextAnswer();
          for (let sentence = 0; sentence < SENTENCES; sentence++) yield `${sentenceOf(answer, sentence)} `;
        },
      },
      textToSpeech: {
        async *speak(text) {
          for await (const piece of text) {
            for (const sentence of piece.match(/[^.]+\./g) ?? [])
              yield { pcm: new Int16Array(SENTENCE_MS * 16).fill(ANSWER_LEVEL), text: sentence.trim() };
          }
        },
      },
      standby: { textToSpeech: { async *speak() {} }, fillers: [], apologies: [], greetings: [] },
      voiceActivity: () => ({ isVoice: (frame) => Math.abs(frame[0]!) > VOICE / 2, close() {} }),
    };
  }
}

/** Words that stand in no other sentence: `a3s1w0 a3s1w1 … .` */
export function sentenceOf(answer: number, sentence: number): string {
  return Array.from({ length: WORDS_PER_SENTENCE }, (_, word) => `a${answer}s${sentence}w${word}`)
    .join(' ')
    .concat('.');
}

const pcmOnly: CodecFactory = {
  available: ['pcm'],
  encoder: () => new PcmEncoder(),
  decoder: () => new PcmDecoder(),
  describe: () => 'pcm',
  prepare: () => Promise.resolve(),
};

function countingIds(): Parameters<typeof createServerCore>[0]['ids'] {
  let made = 0;
  const next = (kind: string): string => `${kind}-${String(++made).padStart(6, '0')}-of-a-test`;
  return {
    conversationId: () => next('conversation'),
    responseId: () => next('response'),
    token: () => next('token'),
    matches: (presented, secret) => presented === secret,
  };
}
