import { setTimeout as sleep } from 'node:timers/promises';

/** Every sample is its own number, so that a lost, doubled or old one shows. Wraps after 4.1 s at 16 kHz. */
export function ramp(length: number, from = 0): Int16Array {
  return Int16Array.from({ length }, (_, index) => wrap(from + index));
}

/** @returns how often the next sample is not the next number, and the samples between the first and last of the ramp */
export function rampBreaks(samples: Int16Array): { breaks: number; length: number } {
  const first = samples.findIndex(
    (sample, index) => index + 2 < samples.length && sample !== 0 && samples[index + 1] === wrap(sample + 1),
  );
  if (first < 0) return { breaks: Infinity, length: 0 };
  let breaks = 0;
  let last = first;
  for (let index = first + 1; index < samples.length; index++) {
    if (samples[index] === wrap(samples[last]! + 1)) last = index;
    else if (samples.subarray(index).every((sample) => sample === 0)) break;
    else {
      breaks++;
      last = index;
    }
  }
  return { breaks, length: last - first + 1 };
}

function wrap(value: number): number {
  return (value << 16) >> 16;
}

export function sine(hertz: number, seconds: number, peak: number): Int16Array {
  return Int16Array.from({ length: seconds * 16_000 }, (_, index) =>
    Math.round(peak * Math.sin((2 * Math.PI * hertz * index) / 16_000)),
  );
}

/** Amplitude of one frequency (Goertzel). A pure sine gives its peak, anything else next to nothing. */
export function amplitudeAt(samples: Int16Array, hertz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / 16_000);
  let before = 0;
  let beforeThat = 0;
  for (const sample of samples) [before, beforeThat] = [sample + coefficient * before - beforeThat, before];
  return (
    (2 * Math.sqrt(before * before + beforeThat * beforeThat - coefficient * before * beforeThat)) / samples.length
  );
}

/** Waits in real time, for tests on real parts only. @throws {Error} naming `what`, after `limitMs` */
export async function until(what: string, limitMs: number, condition: () => boolean): Promise<number> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(5);
  }
  return performance.now() - startMs;
}
