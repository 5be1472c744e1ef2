/**
 * Audio at another rate, in pieces as it comes, by a Hann-windowed sinc whose cut-off is the lower of both Nyquist
 * frequencies. Its phases are computed once.
 */
export class StreamResampler {
  readonly #step: number;
  readonly #phases: readonly Float64Array[];
  readonly #reach: number;
  readonly #upscale: number;
  readonly #same: boolean;
  /** Begins `#reach` samples before the next output's place. */
  #input = new Int16Array(0);
  /** Of the next output, in input samples × `#upscale`, from the first sample of `#input`. */
  #place: number;

  /** @param fromRate @param toRate Hz */
  constructor(fromRate: number, toRate: number) {
    const divisor = gcd(fromRate, toRate);
    this.#upscale = toRate / divisor;
    this.#step = fromRate / divisor;
    this.#same = fromRate === toRate;
    const cutoff = Math.min(1, toRate / fromRate);
    this.#reach = Math.ceil(TAPS / cutoff);
    this.#phases = Array.from({ length: this.#upscale }, (_, phase) =>
      taps(phase / this.#upscale, this.#reach, cutoff),
    );
    // Silence before the beginning.
    this.#input = new Int16Array(this.#reach);
    this.#place = this.#reach * this.#upscale;
  }

  push(pcm: Int16Array): Int16Array {
    if (this.#same) return pcm;
    const input = new Int16Array(this.#input.length + pcm.length);
    input.set(this.#input);
    input.set(pcm, this.#input.length);
    const output: number[] = [];
    for (; Math.floor(this.#place / this.#upscale) + this.#reach < input.length; this.#place += this.#step)
      output.push(this.#at(input));
    const spent = Math.max(0, Math.floor(this.#place / this.#upscale) - this.#reach);
    this.#input = input.slice(spent);
    this.#place -= spent * this.#upscale;
    return Int16Array.from(output);
  }

  /** The end of the output, which waits for samples that do not come. */
  flush(): Int16Array {
    return this.#same ? new Int16Array(0) : this.push(new Int16Array(this.#reach));
  }

  #at(input: Int16Array): number {
    const centre = Math.floor(this.#place / this.#upscale);
    const kernel = this.#phases[this.#place % this.#upscale]!;
    let sum = 0;
    for (let tap = 0, from = centre - this.#reach; tap < kernel.length; tap++) sum += input[from + tap]! * kernel[tap]!;
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
}

/** A whole recording. @param fromRate @param toRate Hz */
export function resample(pcm: Int16Array, fromRate: number, toRate: number): Int16Array {
  if (fromRate === toRate) return pcm;
  const resampler = new StreamResampler(fromRate, toRate);
  const beginning = resampler.push(pcm);
  const end = resampler.flush();
  const all = new Int16Array(beginning.length + end.length);
  all.set(beginning);
  all.set(end, beginning.length);
  return all;
}

/** Zero crossings of the kernel to each side. */
const TAPS = 16;

/** Weights of the samples from `reach` before to `reach` after a place that lies `fraction` behind one of them. */
function taps(fraction: number, reach: number, cutoff: number): Float64Array {
  return Float64Array.from({ length: 2 * reach + 1 }, (_, tap) => kernel((tap - reach - fraction) * cutoff) * cutoff);
}

function kernel(x: number): number {
  if (Math.abs(x) >= TAPS) return 0;
  if (x === 0) return 1;
  const sinc = Math.sin(Math.PI * x) / (Math.PI * x);
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / TAPS));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
