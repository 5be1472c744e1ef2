import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';

export const LPC_ORDER = 10;

const HANN = Float64Array.from(
  { length: FRAME_SAMPLES },
  (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (index + 0.5)) / FRAME_SAMPLES),
);

/** Widens every resonance to about this, so that hum in the background is not synthesised as a tone. */
const WIDEN_HZ = 120;
const LAG_WINDOW = Float64Array.from({ length: LPC_ORDER + 1 }, (_, lag) =>
  Math.exp(-0.5 * ((2 * Math.PI * WIDEN_HZ * lag) / SAMPLE_RATE) ** 2),
);
/** A floor of white noise 30 dB down keeps the recursion well-conditioned. */
const WHITE_FLOOR = 1.001;

const windowed = new Float64Array(FRAME_SAMPLES);

/** Lags 0 … 10 of one Hann-windowed frame around its mean, into `into`: direct current is no part of a sound's spectrum. */
export function autocorrelation(frame: Int16Array, into: Float64Array): void {
  let sum = 0;
  for (let index = 0; index < FRAME_SAMPLES; index++) sum += frame[index]!;
  const mean = sum / FRAME_SAMPLES;
  for (let index = 0; index < FRAME_SAMPLES; index++) windowed[index] = (frame[index]! - mean) * HANN[index]!;
  for (let lag = 0; lag <= LPC_ORDER; lag++) {
    let sum = 0;
    for (let index = lag; index < FRAME_SAMPLES; index++) sum += windowed[index]! * windowed[index - lag]!;
    into[lag] = sum;
  }
}

const conditioned = new Float64Array(LPC_ORDER + 1);

/**
 * Levinson–Durbin. Writes the prediction polynomial (1, a1 … a10) into `lpc`.
 * @param correlation lags 0 … 10, normalised to lag 0 = 1
 * @returns the prediction error as a share of the power, 0 … 1
 */
export function levinson(correlation: Float64Array, lpc: Float64Array): number {
  for (let lag = 0; lag <= LPC_ORDER; lag++) conditioned[lag] = correlation[lag]! * LAG_WINDOW[lag]!;
  conditioned[0] = correlation[0]! * WHITE_FLOOR;
  lpc.fill(0);
  lpc[0] = 1;
  let error = conditioned[0];
  for (let order = 1; order <= LPC_ORDER; order++) {
    let sum = 0;
    for (let tap = 0; tap < order; tap++) sum += lpc[tap]! * conditioned[order - tap]!;
    const reflection = -sum / error;
    for (let low = 1, high = order - 1; low <= high; low++, high--) {
      const before = lpc[low]!;
      lpc[low] = before + reflection * lpc[high]!;
      if (low !== high) lpc[high] = lpc[high]! + reflection * before;
    }
    lpc[order] = reflection;
    error *= 1 - reflection * reflection;
  }
  return error / conditioned[0];
}
