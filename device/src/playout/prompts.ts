import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';

/** What the phone has to say by itself; `device/prompts/README.md` tells when each is spoken. */
export const PROMPT_KINDS = [
  'connecting',
  'one-moment',
  'calling-again',
  'no-answer',
  'needs-help',
  'not-set-up',
  'resting',
  'call-over',
  'try-later',
] as const;
export type PromptKind = (typeof PROMPT_KINDS)[number];

/** Recorded words of the phone itself, 16 kHz mono; several recordings of one kind take turns. */
export interface PromptSource {
  next(kind: PromptKind): Int16Array | undefined;
}

export const noPrompts: PromptSource = { next: () => undefined };

/** Cross-fade between a prompt and the comfort noise under it, 10 ms. */
const EDGE_SAMPLES = 160;
/** A prompt that must give way has this long to fade. */
const GIVE_WAY_SAMPLES = 10 * FRAME_SAMPLES;
/** With no more than this left, a prompt is let finish: half a word is worse than one second. */
const LET_FINISH_SAMPLES = SAMPLE_RATE;

/** Plays one prompt over the noise of the line. */
export class PromptPlayer {
  readonly #clip: Int16Array;
  #at = 0;
  #end: number;
  #fadeSamples = EDGE_SAMPLES;
  /** When set, it plays to its end whatever comes. */
  readonly #whole: boolean;

  constructor(clip: Int16Array, whole: boolean) {
    this.#clip = clip;
    this.#end = clip.length;
    this.#whole = whole;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** How long until the line is free once it gives way, ms. */
  get yieldMs(): number {
    const left = this.#end - this.#at;
    return ((this.#givesWay ? Math.min(left, GIVE_WAY_SAMPLES) : left) / SAMPLE_RATE) * 1_000;
  }

  /** The answer goes on: finish when nearly through, else fade out over 200 ms. */
  giveWay(): void {
    if (!this.#givesWay) return;
    this.#end = this.#at + GIVE_WAY_SAMPLES;
    this.#fadeSamples = GIVE_WAY_SAMPLES;
  }

  get #givesWay(): boolean {
    return !this.#whole && this.#end - this.#at > LET_FINISH_SAMPLES;
  }

  /** Adds the next 20 ms to `frame`, which holds comfort noise. */
  mixInto(frame: Int16Array): void {
    for (let index = 0; index < FRAME_SAMPLES && this.#at < this.#end; index++, this.#at++) {
      const gain = Math.min(1, (this.#at + 1) / EDGE_SAMPLES, (this.#end - this.#at) / this.#fadeSamples);
      const voice = gain * this.#clip[this.#at]!;
      frame[index] = Math.max(
        -32_768,
        Math.min(32_767, Math.round(voice + Math.sqrt(1 - gain * gain) * frame[index]!)),
      );
    }
  }
}
