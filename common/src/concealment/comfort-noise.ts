import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { powerOf } from '../audio/level.ts';
import type { Random } from '../time/random.ts';
import { autocorrelation, levinson, LPC_ORDER } from './lpc.ts';

/** Background noise for when nothing else is heard: an idle line must never sound dead. */
export interface ComfortNoise {
  /** Shows it a good frame of the far end. */
  learn(frame: Int16Array): void;
  /** Fills `into` (320) with the next 20 ms, in sample units. */
  fill(into: Float32Array): void;
}

/** RMS in sample units of a level in dB below full scale. */
function rmsOf(dbfs: number): number {
  return 32_768 * 10 ** (dbfs / 20);
}

const QUIETEST_RMS = rmsOf(-70);
/** Before anything of the far end was learned: a line that can be heard to be alive. */
const UNLEARNED_RMS = rmsOf(-58);
const LOUDEST_RMS = rmsOf(-50);

/** Smoothing of the power that the minimum is taken of: about 60 ms. */
const POWER_WEIGHT = 0.3;
const BUCKETS = 8;
const BUCKET_FRAMES = 25;
/** 5 dB, as a power ratio: what is this close to the minimum is background. */
const NEAR_MINIMUM = 10 ** 0.5;
const FRAMES_IN_A_ROW = 3;
/** Weight of one background frame in what is kept over the whole call: about half a second of pauses. */
const LEARN_WEIGHT = 0.04;
/** Below this (−84 dBFS) a frame is digital silence with rounding: it has no spectrum to learn. */
const SILENT_POWER = 4;

/**
 * Learns level and spectrum from the far end's own pauses, by minimum statistics, over the whole call (a short
 * warm-up latches onto speech), and synthesises with an all-pole filter of order 10. Level is held within
 * −70 … −50 dBFS. Not RFC 3389: nothing of it goes over the wire.
 */
export class LearnedComfortNoise implements ComfortNoise {
  readonly #random: Random;
  #smoothedPower = -1;
  readonly #minima = new Float64Array(BUCKETS).fill(Infinity);
  #frame = 0;
  #nearMinimum = 0;

  #learned = 0;
  #power = 0;
  readonly #correlation = new Float64Array(LPC_ORDER + 1);
  readonly #frameCorrelation = new Float64Array(LPC_ORDER + 1);
  readonly #lpc = new Float64Array(LPC_ORDER + 1);
  #excitation: number;

  #gain: number;
  readonly #memory = new Float64Array(LPC_ORDER);

  constructor(random: Random) {
    this.#random = random;
    // Until something is learned: a soft, dark hiss.
    this.#correlation.set(DARK_HISS);
    this.#excitation = excitationOf(UNLEARNED_RMS, levinson(this.#correlation, this.#lpc));
    this.#gain = this.#excitation;
  }

  learn(frame: Int16Array): void {
    const power = powerOf(frame);
    this.#smoothedPower =
      this.#smoothedPower < 0 ? power : this.#smoothedPower + POWER_WEIGHT * (power - this.#smoothedPower);
    const minimum = this.#trackMinimum(this.#smoothedPower);
    const near = Math.max(power, SILENT_POWER) <= NEAR_MINIMUM * Math.max(minimum, SILENT_POWER);
    this.#nearMinimum = near ? this.#nearMinimum + 1 : 0;
    if (this.#nearMinimum >= FRAMES_IN_A_ROW) this.#update(frame, power);
  }

  fill(into: Float32Array): void {
    const memory = this.#memory;
    const lpc = this.#lpc;
    const step = (this.#excitation - this.#gain) / FRAME_SAMPLES;
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      this.#gain += step;
      // Uniform noise of unit variance; ten poles make it as good as Gaussian.
      let sample = (this.#random() - 0.5) * UNIT_VARIANCE * this.#gain;
      for (let tap = LPC_ORDER - 1; tap > 0; tap--) {
        sample -= lpc[tap + 1]! * memory[tap]!;
        memory[tap] = memory[tap - 1]!;
      }
      sample -= lpc[1]! * memory[0]!;
      memory[0] = sample;
      into[index] = sample;
    }
  }

  /** The lowest smoothed power of the last four seconds. */
  #trackMinimum(power: number): number {
    const bucket = Math.floor(this.#frame / BUCKET_FRAMES) % BUCKETS;
    if (this.#frame % BUCKET_FRAMES === 0) this.#minima[bucket] = Infinity;
    this.#frame++;
    if (power < this.#minima[bucket]!) this.#minima[bucket] = power;
    let minimum = Infinity;
    for (const candidate of this.#minima) if (candidate < minimum) minimum = candidate;
    return minimum;
  }

  #update(frame: Int16Array, power: number): void {
    // An average that becomes a running mean: the first pause counts at once.
    const weight = Math.max(LEARN_WEIGHT, 1 / ++this.#learned);
    this.#power += weight * (power - this.#power);
    if (power > SILENT_POWER) {
      autocorrelation(frame, this.#frameCorrelation);
      const scale = 1 / this.#frameCorrelation[0]!;
      for (let lag = 0; lag <= LPC_ORDER; lag++) {
        this.#correlation[lag]! += weight * (this.#frameCorrelation[lag]! * scale - this.#correlation[lag]!);
      }
    }
    const rms = Math.min(LOUDEST_RMS, Math.max(QUIETEST_RMS, Math.sqrt(this.#power)));
    this.#excitation = excitationOf(rms, levinson(this.#correlation, this.#lpc));
  }
}

const UNIT_VARIANCE = Math.sqrt(12);
/** Autocorrelation of a one-pole low-pass at 0.7. */
const DARK_HISS = Float64Array.from({ length: LPC_ORDER + 1 }, (_, lag) => 0.7 ** lag);

/** Excitation RMS that leaves the synthesis filter at `rms`. */
function excitationOf(rms: number, predictionError: number): number {
  return rms * Math.sqrt(predictionError);
}

/** White noise at the floor from a small table: for simulations, where no one listens. */
export class FlatComfortNoise implements ComfortNoise {
  readonly #table: Float32Array;
  #at = 0;

  constructor(random: Random) {
    this.#table = Float32Array.from(
      { length: 8 * FRAME_SAMPLES },
      () => (random() - 0.5) * UNIT_VARIANCE * QUIETEST_RMS,
    );
  }

  learn(): void {}

  fill(into: Float32Array): void {
    into.set(this.#table.subarray(this.#at, this.#at + FRAME_SAMPLES));
    this.#at = (this.#at + FRAME_SAMPLES) % this.#table.length;
  }
}
