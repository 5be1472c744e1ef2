/**
 * RTP sequence numbers (RFC 3550 §5.1, §A.1). On the wire they have 16 bits and wrap after 21.8 minutes
 * of 20 ms frames; everywhere else in the project they are *extended*: plain integers that never wrap,
 * whose low 16 bits are the wire's.
 */
export type ExtendedSequence = number;

const MODULUS = 0x1_0000;
const HALF = 0x8000;

/** The 16 bits that go on the wire. */
export function wireSequence(extended: ExtendedSequence): number {
  return ((extended % MODULUS) + MODULUS) % MODULUS;
}

/** Signed distance from `a` to `b` on the 16-bit circle, −32768 … 32767 (RFC 1982). */
export function sequenceDistance(a: number, b: number): number {
  const forward = (b - a) & 0xffff;
  return forward < HALF ? forward : forward - MODULUS;
}

/** Turns the wire's 16-bit numbers into extended ones. The first number it sees is its own extension. */
export class SequenceExtender {
  #highest: ExtendedSequence | undefined;

  /** @param highest the extended number to go on from, after a resume */
  constructor(highest?: ExtendedSequence) {
    this.#highest = highest;
  }

  get highest(): ExtendedSequence | undefined {
    return this.#highest;
  }

  /** The extended number `wire` would be, without remembering it. */
  peek(wire: number): ExtendedSequence {
    if (this.#highest === undefined) return wire;
    return this.#highest + sequenceDistance(wireSequence(this.#highest), wire);
  }

  extend(wire: number): ExtendedSequence {
    const extended = this.peek(wire);
    if (this.#highest === undefined || extended > this.#highest) this.#highest = extended;
    return extended;
  }

  /** Start again from `highest` (the peer said where it goes on). */
  reset(highest: ExtendedSequence | undefined): void {
    this.#highest = highest;
  }
}

const TIMESTAMP_MODULUS = 0x1_0000_0000;

/** The same for the 32-bit RTP timestamp: 24.8 hours at 48 kHz, so a phone left off the hook crosses it. */
export function extendTimestamp(reference: number, wire: number): number {
  const low = ((reference % TIMESTAMP_MODULUS) + TIMESTAMP_MODULUS) % TIMESTAMP_MODULUS;
  let delta = wire - low;
  if (delta > TIMESTAMP_MODULUS / 2) delta -= TIMESTAMP_MODULUS;
  if (delta < -TIMESTAMP_MODULUS / 2) delta += TIMESTAMP_MODULUS;
  return reference + delta;
}
