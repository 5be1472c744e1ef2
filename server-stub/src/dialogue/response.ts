import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { Downlink } from '../media/downlink.ts';
import { Framer } from '../../../common/src/audio/framer.ts';
import type { SpokenAudio } from '../pipeline/ports.ts';
import type { VoiceEncoder } from '../media/voice-encoder.ts';

/**
 * One response while it is being made: audio of any length in, encoded frames out to the downlink. Keeps which words
 * begin where, so that the history can be cut where the patient stopped hearing them.
 */
export class ResponseWriter {
  readonly id: string;
  readonly #options: ResponseOptions;
  readonly #framer = new Framer();
  readonly #words: { text: string; startMs: number }[] = [];
  #frames = 0;
  #sinceYield = 0;

  constructor(id: string, options: ResponseOptions) {
    this.id = id;
    this.#options = options;
    options.downlink.begin(id);
  }

  get durationMs(): number {
    return this.#frames * FRAME_MS;
  }

  /** Resolves when there is room for more. After `signal` aborts nothing is written. */
  async write({ pcm, text, again, recording }: SpokenAudio, signal: AbortSignal): Promise<void> {
    // The words that broke off count as not said.
    if (again === true) this.#words.pop();
    if (text !== undefined) this.#words.push({ text, startMs: this.durationMs });
    for (const frame of recording === true ? this.#recorded(pcm) : this.#encoded(this.#framer.push(pcm))) {
      if (this.#mustWait()) await this.#yieldToOthers();
      if (signal.aborted) return;
      this.#append(frame());
    }
  }

  end(): void {
    const last = this.#framer.flush();
    if (last !== undefined) this.#append(this.#options.encoder.encode(last));
    this.#options.downlink.end(this.id);
  }

  /** What was said within the first `playedMs`: whole words, by their share of their sentence's time. */
  textUntil(playedMs: number): string {
    const heard = this.#words.map(({ text, startMs }, index) => {
      const endMs = this.#words[index + 1]?.startMs ?? this.durationMs;
      return wordsWithin(text, (playedMs - startMs) / Math.max(1, endMs - startMs));
    });
    return heard.filter((text) => text !== '').join(' ');
  }

  /** Whole sentences from the one that `playedMs` falls into: what was not heard to its end. */
  textFrom(playedMs: number): string {
    return this.#words
      .filter((_word, index) => (this.#words[index + 1]?.startMs ?? this.durationMs) > playedMs)
      .map(({ text }) => text)
      .join(' ');
  }

  *#encoded(frames: Iterable<Int16Array>): Generator<() => Uint8Array> {
    for (const frame of frames) yield () => this.#options.encoder.encode(frame);
  }

  /** A recording begins with its own frame, so up to 20 ms of silence may come before it. */
  *#recorded(pcm: Int16Array): Generator<() => Uint8Array> {
    const last = this.#framer.flush();
    if (last !== undefined) yield () => this.#options.encoder.encode(last);
    const recording = this.#options.encoder.recorded(pcm);
    for (let index = 0; index < recording.length; index++) yield () => recording.at(index);
  }

  #append(payload: Uint8Array): void {
    this.#frames++;
    this.#sinceYield++;
    this.#options.downlink.append(this.id, payload);
    if (this.#frames === 1) this.#options.firstFrame?.();
  }

  /**
   * A synthesiser may hand over ten seconds at once; encoding them in one go would stop every other conversation of
   * the process for 60 ms. So a few frames at a time, and none while the downlink is full.
   */
  #mustWait(): boolean {
    const slice = this.#frames <= FIRST_SLICE_FRAMES ? FIRST_SLICE_FRAMES : FRAMES_PER_SLICE;
    return this.#sinceYield >= slice || !this.#options.downlink.hasRoom;
  }

  async #yieldToOthers(): Promise<void> {
    await this.#options.downlink.whenRoom();
    await new Promise<void>((resolve) => this.#options.clock.after(SLICE_PAUSE_MS, resolve));
    this.#sinceYield = 0;
  }
}

export interface ResponseOptions {
  readonly clock: Clock;
  readonly downlink: Downlink;
  readonly encoder: VoiceEncoder;
  readonly firstFrame?: () => void;
}

/** 200 ms of audio, 1.3 ms of Opus encoding. */
const FRAMES_PER_SLICE = 10;
/** Two full TCP segments: on a path that loses packets no more may be let out for a round trip. */
const FIRST_SLICE_FRAMES = 28;
const SLICE_PAUSE_MS = 2;

function wordsWithin(text: string, share: number): string {
  if (share <= 0) return '';
  if (share >= 1) return text;
  const words = text.split(' ');
  return words.slice(0, Math.floor(words.length * share)).join(' ');
}
