import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { mean } from '../../test/lib/statistics.ts';
import { powerSpectrum, resample } from './fourier.ts';

/** Objective measures of speech against a reference of the same length, 16 kHz. */

/** Frames quieter than this (−55 dBFS) say nothing about speech. */
const SILENT_POWER = (32_768 * 10 ** (-55 / 20)) ** 2;

/** Mean over frames of 20 ms of signal over difference, each held within −10 … 35 dB. */
export function segmentalSnr(reference: Int16Array, other: Int16Array): number {
  return meanOverSpeech(reference, (from) => {
    let signal = 0;
    let difference = 1e-9;
    for (let index = from; index < from + FRAME_SAMPLES; index++) {
      signal += reference[index]! ** 2;
      difference += (reference[index]! - other[index]!) ** 2;
    }
    return Math.min(35, Math.max(-10, 10 * Math.log10(signal / difference)));
  });
}

/** Mean over frames of the RMS difference of the log spectra, dB; both floored 50 dB under the frame's peak. */
export function logSpectralDistance(reference: Int16Array, other: Int16Array): number {
  return meanOverSpeech(reference, (from) => {
    const one = spectrumAt(reference, from);
    const two = spectrumAt(other, from);
    const floor = Math.max(...one) * 1e-5 + 1e-9;
    let sum = 0;
    for (let bin = 1; bin < one.length; bin++) sum += (10 * Math.log10((one[bin]! + floor) / (two[bin]! + floor))) ** 2;
    return Math.sqrt(sum / (one.length - 1));
  });
}

const HANN = Float64Array.from(
  { length: FRAME_SAMPLES },
  (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / FRAME_SAMPLES),
);

function spectrumAt(samples: Int16Array, from: number): Float64Array {
  return powerSpectrum(
    HANN.map((weight, index) => weight * samples[from + index]!),
    512,
  );
}

function meanOverSpeech(reference: Int16Array, measure: (from: number) => number): number {
  let sum = 0;
  let count = 0;
  for (let from = 0; from + FRAME_SAMPLES <= reference.length; from += FRAME_SAMPLES) {
    let power = 0;
    for (let index = from; index < from + FRAME_SAMPLES; index++) power += reference[index]! ** 2;
    if (power / FRAME_SAMPLES < SILENT_POWER) continue;
    sum += measure(from);
    count++;
  }
  return sum / count;
}

const RATE = 10_000;
const STOI_FRAME = 256;
const STOI_FFT = 512;
const SEGMENT = 30;
const DYNAMIC_RANGE_DB = 40;
/** Clipping at −15 dB signal to distortion. */
const CLIP = 1 + 10 ** (15 / 20);
const BANDS = thirdOctaves(15, 150);

/** Short-time objective intelligibility (Taal et al., 2011): 0 … 1. */
export function stoi(reference: Int16Array, other: Int16Array): number {
  const [clean, heard] = withoutSilence(resample(reference, 5, 8), resample(other, 5, 8));
  const [x, y] = [bandEnvelopes(clean), bandEnvelopes(heard)];
  let sum = 0;
  let count = 0;
  for (let end = SEGMENT; end <= x[0]!.length; end++) {
    for (let band = 0; band < BANDS.length; band++) {
      sum += correlation(x[band]!.subarray(end - SEGMENT, end), y[band]!.subarray(end - SEGMENT, end));
      count++;
    }
  }
  return sum / count;
}

function correlation(x: Float64Array, y: Float64Array): number {
  const scale = Math.sqrt(energy(x) / (energy(y) + 1e-30));
  const clipped = y.map((value, index) => Math.min(value * scale, x[index]! * CLIP));
  const [meanX, meanY] = [mean(x), mean(clipped)];
  let product = 0;
  let powerX = 1e-30;
  let powerY = 1e-30;
  for (let index = 0; index < x.length; index++) {
    const [dx, dy] = [x[index]! - meanX, clipped[index]! - meanY];
    product += dx * dy;
    powerX += dx * dx;
    powerY += dy * dy;
  }
  return product / Math.sqrt(powerX * powerY);
}

/** Both without the frames in which the reference is 40 dB under its loudest, overlapped and added again. */
function withoutSilence(reference: Float64Array, other: Float64Array): [Float64Array, Float64Array] {
  const starts: number[] = [];
  const levels: number[] = [];
  for (let from = 0; from + STOI_FRAME <= reference.length; from += STOI_FRAME / 2) {
    starts.push(from);
    levels.push(10 * Math.log10(energy(windowed(reference, from)) + 1e-9));
  }
  const loudest = Math.max(...levels);
  const kept = starts.filter((_, index) => levels[index]! > loudest - DYNAMIC_RANGE_DB);
  return [overlapped(reference, kept), overlapped(other, kept)];
}

function overlapped(samples: Float64Array, starts: readonly number[]): Float64Array {
  const out = new Float64Array((starts.length + 1) * (STOI_FRAME / 2));
  starts.forEach((from, index) => {
    windowed(samples, from).forEach((value, at) => (out[index * (STOI_FRAME / 2) + at]! += value));
  });
  return out;
}

const STOI_HANN = Float64Array.from(
  { length: STOI_FRAME },
  (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 1)) / (STOI_FRAME + 1)),
);

function windowed(samples: Float64Array, from: number): Float64Array {
  return STOI_HANN.map((weight, index) => weight * samples[from + index]!);
}

/** Per band, the magnitude in each frame. */
function bandEnvelopes(samples: Float64Array): Float64Array[] {
  const count = Math.max(0, Math.floor((samples.length - STOI_FRAME) / (STOI_FRAME / 2)) + 1);
  const bands = BANDS.map(() => new Float64Array(count));
  for (let frame = 0; frame < count; frame++) {
    const power = powerSpectrum(windowed(samples, frame * (STOI_FRAME / 2)), STOI_FFT);
    BANDS.forEach(([low, high], band) => {
      let sum = 0;
      for (let bin = low; bin < high; bin++) sum += power[bin]!;
      bands[band]![frame] = Math.sqrt(sum);
    });
  }
  return bands;
}

function thirdOctaves(count: number, lowestHz: number): (readonly [number, number])[] {
  const binOf = (hz: number) => Math.round((hz * STOI_FFT) / RATE);
  return Array.from(
    { length: count },
    (_, band) => [binOf(lowestHz * 2 ** ((2 * band - 1) / 6)), binOf(lowestHz * 2 ** ((2 * band + 1) / 6))] as const,
  );
}

function energy(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
