import { SAMPLE_RATE } from '../../../protocol/src/index.ts';

/** Zero crossings of the kernel to each side. */
const TAPS = 16;

/** To 16 kHz, by a Hann-windowed sinc whose cut-off is the lower of both Nyquist frequencies. */
export function toVoiceRate(pcm: Int16Array, fromRate: number): Int16Array {
  if (fromRate === SAMPLE_RATE) return pcm;
  const step = fromRate / SAMPLE_RATE;
  const cutoff = Math.min(1, 1 / step);
  const reach = Math.ceil(TAPS / cutoff);
  const result = new Int16Array(Math.floor(pcm.length / step));
  for (let index = 0; index < result.length; index++) {
    const centre = index * step;
    let sum = 0;
    for (let at = Math.max(0, Math.ceil(centre - reach)); at <= Math.min(pcm.length - 1, centre + reach); at++) {
      sum += pcm[at]! * kernel((at - centre) * cutoff) * cutoff;
    }
    result[index] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return result;
}

function kernel(x: number): number {
  if (Math.abs(x) >= TAPS) return 0;
  if (x === 0) return 1;
  const sinc = Math.sin(Math.PI * x) / (Math.PI * x);
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / TAPS));
}
