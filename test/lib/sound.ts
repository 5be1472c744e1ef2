import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { CodecError, type Decoder } from '../../common/src/codec/ports.ts';

/** The pieces, one after the other. */
export function joined(parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Noise with a low-pass tilt, as rooms have it. */
export function roomNoise(samples: number, rms: number, seed = 1): Int16Array {
  const random = seededRandom(seed);
  const tilt = 0.8;
  let state = 0;
  return Int16Array.from({ length: samples }, () => {
    state = tilt * state + (random() - 0.5) * Math.sqrt(12) * rms * Math.sqrt(1 - tilt * tilt);
    return Math.round(state);
  });
}

export function rms(pcm: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < pcm.length; index++) sum += pcm[index]! ** 2;
  return Math.sqrt(sum / pcm.length);
}

export function dbfs(pcm: ArrayLike<number>): number {
  return 20 * Math.log10(rms(pcm) / 32_768);
}

/** The largest second difference: a click stands out of it by far, a low tone hardly shows. */
export function roughness(pcm: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 2; index < pcm.length; index++) {
    largest = Math.max(largest, Math.abs(pcm[index]! - 2 * pcm[index - 1]! + pcm[index - 2]!));
  }
  return largest;
}

/** The longest run of one and the same sample. */
export function longestFlat(pcm: ArrayLike<number>): number {
  let longest = 1;
  let run = 1;
  for (let index = 1; index < pcm.length; index++) {
    run = pcm[index] === pcm[index - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** Power at `hz` over the mean power of the spectrum, dB (Goertzel, Hann window). */
export function toneOverNoise(pcm: ArrayLike<number>, hz: number): number {
  const omega = (2 * Math.PI * hz) / SAMPLE_RATE;
  let real = 0;
  let imaginary = 0;
  let weight = 0;
  let power = 0;
  for (let index = 0; index < pcm.length; index++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / pcm.length);
    real += window * pcm[index]! * Math.cos(omega * index);
    imaginary += window * pcm[index]! * Math.sin(omega * index);
    weight += window * window;
    power += pcm[index]! ** 2;
  }
  return 10 * Math.log10((real ** 2 + imaginary ** 2) / weight / (power / pcm.length));
}

export const SINE_AMPLITUDE = 8_000;
export const SINE_HZ = 200;
/** Second difference of that sine, and room for fades and noise over it. A jump of 3 % of it is more. */
export const SMOOTH = 200;

/**
 * A decoder whose stream is one endless sine: whatever it is asked, it goes on without a seam. What clicks then is
 * the code under test. A payload of one byte 0 is garbage; byte 1 set means it carries FEC.
 */
export class SineDecoder implements Decoder {
  readonly codec = 'opus';
  readonly calls: string[] = [];
  readonly #periods: Int16Array;

  /** @param shift samples by which its sine is ahead of another's; a period has 80 */
  constructor(shift = 0) {
    this.#periods = Int16Array.from({ length: FRAME_SAMPLES }, (_, at) => sineAt(at + shift));
  }

  decode(payload: Uint8Array): Int16Array {
    this.calls.push('decode');
    if (payload.length === 1 && payload[0] === 0) throw new CodecError('garbage', 'test');
    return this.#frame();
  }

  recover(next: Uint8Array): Int16Array | undefined {
    if (next[1] !== 1) return undefined;
    this.calls.push('recover');
    return this.#frame();
  }

  conceal(): Int16Array {
    this.calls.push('conceal');
    return this.#frame();
  }

  close(): void {
    this.calls.push('close');
  }

  #frame(): Int16Array {
    return this.#periods.slice();
  }
}

/** 200 Hz has four whole periods in a frame, so every frame of the endless sine is the same. */
function sineAt(at: number): number {
  return Math.round(SINE_AMPLITUDE * Math.sin((2 * Math.PI * SINE_HZ * at) / SAMPLE_RATE));
}

/** Says which frame it was given: sample 0 is the payload's number + 1, concealment is all zero. */
export class NumberDecoder implements Decoder {
  readonly codec = 'opus';

  decode(payload: Uint8Array): Int16Array {
    return new Int16Array(FRAME_SAMPLES).fill(100 + payload[0]! + 256 * payload[1]!);
  }

  recover(): undefined {
    return undefined;
  }

  conceal(): Int16Array {
    return new Int16Array(FRAME_SAMPLES);
  }

  close(): void {}
}

export function numbered(sequence: number): Uint8Array {
  return Uint8Array.of(sequence & 0xff, sequence >> 8);
}
