import { resample } from './fourier.ts';

/** A block that is looked for on its own, 0.25 s, and how far it may lie from where the one before it lay, 60 ms. */
const BLOCK = 4_000;
const AROUND = 960;
/** The whole of what a jitter buffer may shift in a run, 0.5 s. */
const MARGIN = 8_000;
/** Less alike than this, and a block tells nothing of where it lies: a pause, or all concealed. */
const ALIKE = 0.5;
const COARSE = 8;

/**
 * Finds `heard` (16 kHz) in the endless repetition of `source`.
 * @returns the part of the repetition that was heard, and what was heard of it, block by block
 */
export function aligned(source: Int16Array, heard: Int16Array): { reference: Int16Array; heard: Int16Array } {
  const at = coarseOffset(source, heard);
  const blocks = Math.floor((heard.length - 2 * MARGIN) / BLOCK);
  const reference = Int16Array.from(
    { length: blocks * BLOCK },
    (_, index) => source[(at + MARGIN + index) % source.length]!,
  );
  const out = new Int16Array(blocks * BLOCK);
  let lag = 0;
  for (let block = 0; block < blocks; block++) {
    const from = MARGIN + block * BLOCK;
    lag = bestLag(reference.subarray(block * BLOCK, (block + 1) * BLOCK), heard, from, lag);
    out.set(heard.subarray(from + lag, from + lag + BLOCK), block * BLOCK);
  }
  return { reference, heard: out };
}

/** Where in `source` the first six seconds of `heard` lie, at an eighth of the rate. */
function coarseOffset(source: Int16Array, heard: Int16Array): number {
  const slow = resample(source, 1, COARSE);
  const piece = resample(heard.subarray(0, 96_000), 1, COARSE);
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

function bestLag(wanted: Int16Array, heard: Int16Array, from: number, around: number): number {
  let best = around;
  let bestLikeness = ALIKE;
  const lowest = Math.max(-MARGIN, around - AROUND);
  const highest = Math.min(MARGIN - BLOCK, around + AROUND);
  for (let lag = lowest; lag <= highest; lag++) {
    const likeness = likenessAt(wanted, heard, from + lag);
    if (likeness <= bestLikeness) continue;
    bestLikeness = likeness;
    best = lag;
  }
  return best;
}

/** Normalised correlation, on every third sample. */
function likenessAt(wanted: Int16Array, heard: Int16Array, at: number): number {
  let product = 0;
  let one = 1;
  let other = 1;
  for (let index = 0; index < wanted.length; index += 3) {
    const [a, b] = [wanted[index]!, heard[at + index]!];
    product += a * b;
    one += a * a;
    other += b * b;
  }
  return product / Math.sqrt(one * other);
}
