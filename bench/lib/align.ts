import { resample } from './fourier.ts';

/** A block that is looked for on its own: a jitter buffer shifts and stretches as it goes. 0.5 s, and 100 ms around. */
const BLOCK = 8_000;
const AROUND = 1_600;
const COARSE = 8;

/**
 * Finds `heard` (16 kHz) in the endless repetition of `source`.
 * @returns the part of the repetition that was heard, and what was heard of it, block by block
 */
export function aligned(source: Int16Array, heard: Int16Array): { reference: Int16Array; heard: Int16Array } {
  const at = coarseOffset(source, heard);
  const blocks = Math.floor((heard.length - 2 * AROUND) / BLOCK);
  const reference = Int16Array.from({ length: blocks * BLOCK }, (_, index) => source[(at + AROUND + index) % source.length]!);
  const out = new Int16Array(blocks * BLOCK);
  for (let block = 0; block < blocks; block++) {
    const wanted = reference.subarray(block * BLOCK, (block + 1) * BLOCK);
    const from = AROUND + block * BLOCK;
    const lag = bestLag(wanted, heard, from);
    out.set(heard.subarray(from + lag, from + lag + BLOCK), block * BLOCK);
  }
  return { reference, heard: out };
}

/** Where in `source` the first two seconds of `heard` lie, at an eighth of the rate. */
function coarseOffset(source: Int16Array, heard: Int16Array): number {
  const slow = resample(source, 1, COARSE);
  const piece = resample(heard.subarray(0, 32_000), 1, COARSE);
  let best = 0;
  let bestProduct = -Infinity;
  for (let at = 0; at < slow.length; at++) {
    let product = 0;
    for (let index = 0; index < piece.length; index++) product += piece[index]! * slow[(at + index) % slow.length]!;
    if (product > bestProduct) {
      bestProduct = product;
      best = at;
    }
  }
  return best * COARSE;
}

function bestLag(wanted: Int16Array, heard: Int16Array, from: number): number {
  const product = (lag: number, step: number) => {
    let sum = 0;
    for (let index = 0; index < wanted.length; index += step) sum += wanted[index]! * heard[from + lag + index]!;
    return sum;
  };
  let best = 0;
  let bestProduct = -Infinity;
  for (let lag = -AROUND; lag <= AROUND; lag++) {
    const value = product(lag, 3);
    if (value > bestProduct) {
      bestProduct = value;
      best = lag;
    }
  }
  return best;
}
