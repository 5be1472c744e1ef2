/** In-place radix-2 FFT; lengths are a power of two. */
export function fft(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let index = 1, reversed = 0; index < size; index++) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (index < reversed) {
      [real[index], real[reversed]] = [real[reversed]!, real[index]!];
      [imaginary[index], imaginary[reversed]] = [imaginary[reversed]!, imaginary[index]!];
    }
  }
  for (let span = 2; span <= size; span <<= 1) butterflies(real, imaginary, span);
}

function butterflies(real: Float64Array, imaginary: Float64Array, span: number): void {
  const half = span >> 1;
  for (let at = 0; at < half; at++) {
    const angle = (-2 * Math.PI * at) / span;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let low = at; low < real.length; low += span) {
      const high = low + half;
      const re = real[high]! * cos - imaginary[high]! * sin;
      const im = real[high]! * sin + imaginary[high]! * cos;
      real[high] = real[low]! - re;
      imaginary[high] = imaginary[low]! - im;
      real[low]! += re;
      imaginary[low]! += im;
    }
  }
}

/** Power spectrum of `windowed`, bins 0 … size/2. */
export function powerSpectrum(windowed: Float64Array, size: number): Float64Array {
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(windowed);
  fft(real, imaginary);
  return Float64Array.from({ length: size / 2 + 1 }, (_, bin) => real[bin]! ** 2 + imaginary[bin]! ** 2);
}

/** Changes the rate by `up`/`down` with a windowed sinc of 16 zero crossings on each side. */
export function resample(samples: ArrayLike<number>, up: number, down: number): Float64Array {
  const cutoff = Math.min(1, up / down);
  const reach = Math.ceil(16 / cutoff);
  return Float64Array.from({ length: Math.floor((samples.length * up) / down) }, (_, index) => {
    const at = (index * down) / up;
    let sum = 0;
    for (
      let tap = Math.max(0, Math.ceil(at - reach));
      tap <= Math.min(samples.length - 1, Math.floor(at + reach));
      tap++
    ) {
      const x = tap - at;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
      sum += samples[tap]! * cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / reach));
    }
    return sum;
  });
}
