import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/limits.ts';
import { SILENCE_DBFS, dbfsOf } from '../../../common/src/audio/level.ts';

/** One block of sound: how loud it was, and how much of that was hum. */
export interface HumReading {
  /** dBFS, around the mean. */
  readonly levelDb: number;
  /** dBFS. */
  readonly humDb: number;
  /** Of the block's power, 0 … 1. */
  readonly share: number;
}

/**
 * Mains hum in half-second blocks: the power at 50 Hz or 60 Hz and three harmonics (Goertzel's algorithm), against all
 * there is. A block is short enough that a mains frequency a little off does not fall between the bins.
 */
export class HumMeter {
  readonly #before = new Float64Array(TONES_HZ.length);
  readonly #last = new Float64Array(TONES_HZ.length);
  #frames = 0;
  #sum = 0;
  #squares = 0;

  /** @returns a reading with the frame that fills a block */
  add(frame: Int16Array): HumReading | undefined {
    for (let tone = 0; tone < COEFFICIENTS.length; tone++) this.#resonate(frame, tone);
    for (let index = 0; index < frame.length; index++) {
      const sample = frame[index]!;
      this.#sum += sample;
      this.#squares += sample * sample;
    }
    if (++this.#frames < BLOCK_FRAMES) return undefined;
    const reading = this.#read();
    this.reset();
    return reading;
  }

  /** A block that was begun is thrown away. */
  reset(): void {
    this.#before.fill(0);
    this.#last.fill(0);
    this.#frames = 0;
    this.#sum = 0;
    this.#squares = 0;
  }

  #resonate(frame: Int16Array, tone: number): void {
    const coefficient = COEFFICIENTS[tone]!;
    let before = this.#before[tone]!;
    let last = this.#last[tone]!;
    for (let index = 0; index < frame.length; index++) {
      const next = frame[index]! + coefficient * last - before;
      before = last;
      last = next;
    }
    this.#before[tone] = before;
    this.#last[tone] = last;
  }

  #read(): HumReading {
    const power = Math.max(0, this.#squares / BLOCK_SAMPLES - (this.#sum / BLOCK_SAMPLES) ** 2);
    const hum = Math.min(power, Math.max(this.#powerOf(0), this.#powerOf(HARMONICS)));
    return { levelDb: dbfsOf(power), humDb: dbfsOf(hum), share: dbfsOf(power) === SILENCE_DBFS ? 0 : hum / power };
  }

  /** Of the four tones from `first` on, in sample units squared. */
  #powerOf(first: number): number {
    let power = 0;
    for (let tone = first; tone < first + HARMONICS; tone++) {
      const [before, last] = [this.#before[tone]!, this.#last[tone]!];
      power += (2 * (last ** 2 + before ** 2 - COEFFICIENTS[tone]! * last * before)) / BLOCK_SAMPLES ** 2;
    }
    return power;
  }
}

/** Louder than a quiet voice, and most of what is heard. */
export function isLoudHum({ humDb, share }: HumReading): boolean {
  return humDb > LOUD_DBFS && share > LOUD_SHARE;
}

const LOUD_DBFS = -45;
const LOUD_SHARE = 0.6;
const HARMONICS = 4;
const TONES_HZ = [50, 100, 150, 200, 60, 120, 180, 240];
const COEFFICIENTS = Float64Array.from(TONES_HZ, (hertz) => 2 * Math.cos((2 * Math.PI * hertz) / SAMPLE_RATE));
const BLOCK_FRAMES = 25;
const BLOCK_SAMPLES = BLOCK_FRAMES * FRAME_SAMPLES;
