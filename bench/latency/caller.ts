import { rms } from '../../test/lib/sound.ts';
import { clips } from '../../test/lib/speech.ts';
import { Call } from '../../device/src/conversation/call.ts';
import type { CallOptions } from '../../device/src/conversation/call.ts';
import { noPrompts } from '../../device/src/playout/prompts.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';

/** Something to say: frames, and where in them the last of the speech is. */
export interface Utterance {
  readonly frames: readonly Int16Array[];
  /** Samples from the first frame's beginning. */
  readonly speechEnds: number;
}

export interface MeasuredTurn {
  /** From the last sample of the patient's speech at the microphone to the first sample of the answer at the speaker. */
  readonly answerMs: number;
  /** The server's account. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface CallerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly deviceId: string;
  readonly codecs: CallOptions['codecs'];
  readonly transport: CallOptions['transport'];
  readonly utterances: readonly Utterance[];
  readonly onTurn: (turn: MeasuredTurn) => void;
  /** The companion spoke before the patient was done. */
  readonly onCutOff: () => void;
}

/**
 * A patient who talks with the companion over the device's own call: says something recorded, waits for the answer, hears
 * it to its end, thinks a little. What is timed is sound in and sound out, whatever either end says about it.
 */
export class Caller {
  readonly #options: CallerOptions;
  readonly #call: Call;
  readonly #ear = new Int16Array(FRAME_SAMPLES);
  #saying: Utterance | undefined;
  #at = 0;
  #speakAtMs = Infinity;
  #cutOff = false;
  #speechEndMs: number | undefined;
  #answerMs: number | undefined;
  #stages: Readonly<Record<string, number>> | undefined;

  constructor(options: CallerOptions) {
    const { clock, random, deviceId, codecs, transport } = options;
    this.#options = options;
    this.#call = new Call({
      clock,
      random,
      codecs,
      transport,
      log: silentLog,
      prompts: noPrompts,
      codecPreference: ['opus'],
      identity: { deviceId, bootId: 'latency', firmware: 'latency' },
      bitrate: 32_000,
      maxQueueMs: 30_000,
      language: 'en',
      outputDelayMs: () => 0,
      onTurn: ({ stages }) => {
        this.#stages = stages;
      },
      onPlayback: ({ state }) => {
        if (state === 'finished') this.#heardOut();
      },
      onEnded: () => {},
    });
  }

  lift(): void {
    this.#call.lift();
    this.#speakAtMs = this.#options.clock.now() + GREETING_MS;
  }

  hangUp(): void {
    this.#call.hangup('hangup');
  }

  /** The sound card's tick: 20 ms were recorded, 20 ms are wanted. */
  frame(): void {
    this.#call.capture(this.#spoken());
    this.#call.render(this.#ear);
    this.#listen();
  }

  #spoken(): Int16Array {
    const nowMs = this.#options.clock.now();
    if (this.#saying === undefined && nowMs >= this.#speakAtMs) this.#begin(nowMs);
    const utterance = this.#saying;
    const frame = utterance?.frames[this.#at];
    if (utterance === undefined || frame === undefined) return SILENCE;
    const from = this.#at++ * FRAME_SAMPLES;
    // A frame is captured when its last sample is.
    if (utterance.speechEnds > from && utterance.speechEnds <= from + FRAME_SAMPLES)
      this.#speechEndMs = nowMs - FRAME_MS + msOf(utterance.speechEnds - from);
    if (this.#at === utterance.frames.length) this.#saying = undefined;
    return frame;
  }

  #begin(nowMs: number): void {
    const { utterances, random } = this.#options;
    this.#saying = utterances[Math.floor(random() * utterances.length)]!;
    this.#at = 0;
    this.#cutOff = false;
    [this.#speechEndMs, this.#answerMs, this.#stages] = [undefined, undefined, undefined];
    // Whatever becomes of the answer, it speaks again.
    this.#speakAtMs = nowMs + NO_ANSWER_MS;
  }

  #listen(): void {
    const loud = this.#ear.findIndex((sample) => Math.abs(sample) > ANSWER_LEVEL);
    if (loud < 0 || this.#answerMs !== undefined) return;
    if (this.#speechEndMs !== undefined) this.#answerMs = this.#options.clock.now() + msOf(loud) - this.#speechEndMs;
    else if (this.#saying !== undefined && !this.#cutOff) {
      this.#cutOff = true;
      this.#options.onCutOff();
    }
  }

  #heardOut(): void {
    const { clock, random, onTurn } = this.#options;
    this.#speakAtMs = clock.now() + 200 + random() * 800;
    if (this.#answerMs !== undefined && this.#stages !== undefined)
      onTurn({ answerMs: this.#answerMs, stages: this.#stages });
    [this.#speechEndMs, this.#answerMs] = [undefined, undefined];
  }
}

/** The caller's recordings, without the quiet around them. */
export function recordedUtterances(): Utterance[] {
  return clips('caller').map((frames) => {
    const first = frames.findIndex(isSpeech);
    const last = frames.findLastIndex(isSpeech);
    const end = frames[last]!.findLastIndex((sample) => Math.abs(sample) > SPEECH_RMS);
    return { frames: frames.slice(first), speechEnds: (last - first) * FRAME_SAMPLES + end + 1 };
  });
}

function isSpeech(frame: Int16Array): boolean {
  return rms(frame) > SPEECH_RMS;
}

function msOf(samples: number): number {
  return (samples / SAMPLE_RATE) * 1_000;
}

/** The greeting is over long before; without one it speaks all the same. */
const GREETING_MS = 15_000;
const NO_ANSWER_MS = 20_000;
/** Over any comfort noise, far under the fake voice. */
const ANSWER_LEVEL = 2_000;
/** -42 dBFS. */
const SPEECH_RMS = 260;
const SILENCE = new Int16Array(FRAME_SAMPLES);
