import type { AudioSink, AudioStream } from '../../device/src/audio/ports.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import type { Timer } from '../../common/src/time/clock.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';

/** The patient's mouth and ear at the two ends of the card. */
export interface Handset {
  /** The next 20 ms for the microphone; the array is given away. */
  speak(): Int16Array;
  /** The next 20 ms that leave the speaker; the array is lent. */
  hear(frame: Int16Array): void;
}

export interface SoundCardOptions {
  readonly clock: VirtualClock;
  /** How much faster than true time its crystal runs, in parts per million. */
  readonly ppm: number;
  /** How long it takes to open, ms. */
  readonly openMs: number;
  readonly handset: Handset;
}

/** A sound card with a crystal of its own: pulls and pushes 320 samples at its own rate, and sometimes stalls. */
export class SoundCard {
  readonly #options: SoundCardOptions;
  readonly #periodMs: number;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #streams = 0;
  #stalledUntilMs = 0;
  #off = false;
  #lastTickMs = Number.NEGATIVE_INFINITY;

  constructor(options: SoundCardOptions) {
    this.#options = options;
    this.#periodMs = FRAME_MS / (1 + options.ppm / 1e6);
  }

  /** Open streams; a phone has one, or none. */
  get streams(): number {
    return this.#streams;
  }

  /** When it last asked for sound, or would have but for a stall of its own. */
  get lastTickMs(): number {
    return Math.max(this.#lastTickMs, this.#stalledUntilMs);
  }

  open(sink: AudioSink): Promise<AudioStream> {
    const { clock, openMs } = this.#options;
    return new Promise((resolve) => {
      clock.after(openMs, () => {
        if (!this.#off) resolve(this.#start(sink));
      });
    });
  }

  /** Asks for nothing and delivers nothing for a while; what would have been captured is lost. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#options.clock.now() + ms;
  }

  /** The power goes. */
  off(): void {
    this.#off = true;
    this.#streams = 0;
  }

  #start(sink: AudioSink): AudioStream {
    this.#streams++;
    const timer: Timer = this.#options.clock.every(this.#periodMs, () => {
      if (this.#off) timer.cancel();
      else this.#tick(sink);
    });
    let open = true;
    return {
      description: 'simulated card',
      outputDelayMs: 0,
      close: () => {
        if (open && !this.#off) this.#streams--;
        open = false;
        timer.cancel();
        return Promise.resolve();
      },
    };
  }

  #tick(sink: AudioSink): void {
    const now = this.#options.clock.now();
    if (now < this.#stalledUntilMs) return;
    this.#lastTickMs = now;
    sink.render(this.#frame);
    this.#options.handset.hear(this.#frame);
    sink.capture(this.#options.handset.speak());
  }
}
