import { SAMPLE_RATE } from '../../protocol/src/index.ts';
import { powerSpectrum } from './fourier.ts';

/** A click is short and has all frequencies; a low tone, a voice's vowel and a stretch without a seam have no high ones. */

const WINDOW = 256;
const HOP = SAMPLE_RATE / 100;
const FROM_HZ = 3_000;
const HANN = Float64Array.from({ length: WINDOW }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / WINDOW));

/** `[from, to)`, in samples. */
export type Stretch = readonly [from: number, to: number];

/** A millisecond of exact silence: no voice, tone or noise of ours has it, a sound card that ran dry does. */
const DRY_SAMPLES = SAMPLE_RATE / 1_000;

export function dryStretches(samples: Int16Array): Stretch[] {
  const found: Stretch[] = [];
  for (let at = 0; at < samples.length; at++) {
    const from = at;
    while (at < samples.length && samples[at] === 0) at++;
    if (at - from >= DRY_SAMPLES) found.push([from, at]);
  }
  return found;
}

/** Level above 3 kHz of every 10 ms, dB (0 is arbitrary), but for those that touch one of `without`. */
export function highBandLevels(samples: Int16Array, without: readonly Stretch[] = []): number[] {
  const levels: number[] = [];
  for (let from = 0, passed = 0; from + WINDOW <= samples.length; from += HOP) {
    while (passed < without.length && without[passed]![1] < from) passed++;
    if (passed === without.length || without[passed]![0] > from + WINDOW) levels.push(levelAt(samples, from));
  }
  return levels;
}

/** The level that a jump by `height` at the loudest place for it, the middle of a window, would have. */
export function loudestStepDb(samples: Int16Array, height: number): number {
  const at = Math.floor(samples.length / 2);
  const jumped = samples.slice(at, at + WINDOW).map((sample, index) => (index < WINDOW / 2 ? sample : sample + height));
  return levelAt(jumped, 0);
}

function levelAt(samples: Int16Array, from: number): number {
  const spectrum = powerSpectrum(
    HANN.map((weight, index) => weight * samples[from + index]!),
    WINDOW,
  );
  let power = 1e-3;
  for (let bin = Math.ceil((FROM_HZ * WINDOW) / SAMPLE_RATE); bin < spectrum.length; bin++) power += spectrum[bin]!;
  return 10 * Math.log10(power);
}
