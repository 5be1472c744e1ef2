/** Chance, as a parameter: uniform in [0, 1). Identifiers and tokens come from `node:crypto`, not from here. */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** mulberry32: small, seedable, the same on every machine. For tests and the simulator. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
