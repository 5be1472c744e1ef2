import { SAMPLE_RATE } from '../../../protocol/src/limits.ts';

/**
 * Takes direct current out of a stream of frames, in place and without memory of its own: a one-pole high-pass,
 * y[n] = x[n] − x[n−1] + R · y[n−1]. The first sample counts as the offset it stands on, so a stream begins without a step.
 */
export class DcBlocker {
  #before: number | undefined;
  #out = 0;

  apply(frame: Int16Array): void {
    let before = this.#before ?? frame[0] ?? 0;
    let out = this.#out;
    for (let index = 0; index < frame.length; index++) {
      const sample = frame[index]!;
      out = sample - before + POLE * out;
      before = sample;
      frame[index] = out > 32_767 ? 32_767 : out < -32_768 ? -32_768 : Math.round(out);
    }
    this.#before = before;
    // Below hearing and below the last bit: a filter that rings for ever would only meet denormal numbers.
    this.#out = Math.abs(out) < 1e-3 ? 0 : out;
  }
}

/** Far below a voice's fundamental, which is 80 Hz at the least: −0.1 dB there, and mains hum is left to be measured. Hz */
const CORNER_HZ = 10;
const POLE = 1 - (2 * Math.PI * CORNER_HZ) / SAMPLE_RATE;
