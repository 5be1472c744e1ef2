import type { ExtendedSequence } from '../../../protocol/src/index.ts';

/** Share of the expected frames that never came, since it was last asked (as RFC 3550 §6.4.1 'fraction lost'). */
export class LossMeter {
  #highest: ExtendedSequence = -1;
  #skippedTo: ExtendedSequence | undefined;
  #expected = 0;
  #arrived = 0;

  /** The highest sequence number that arrived, −1 before any. */
  get highest(): ExtendedSequence {
    return this.#highest;
  }

  /** The next frames begin at `sequence`; what lies between is a pause, not a loss. */
  expectFrom(sequence: ExtendedSequence): void {
    this.#skippedTo = sequence;
  }

  arrived(sequence: ExtendedSequence, afterPause: boolean): void {
    this.#arrived++;
    if (sequence <= this.#highest) return;
    const from = this.#expectedFrom(sequence, afterPause);
    this.#expected += sequence - from + 1;
    this.#highest = sequence;
  }

  /** A new stream begins. */
  reset(): void {
    this.#highest = -1;
    this.#skippedTo = undefined;
    this.take();
  }

  /** 0 … 1; starts a new interval. */
  take(): number {
    const rate = this.#expected === 0 ? 0 : Math.max(0, this.#expected - this.#arrived) / this.#expected;
    this.#expected = 0;
    this.#arrived = 0;
    return rate;
  }

  #expectedFrom(sequence: ExtendedSequence, afterPause: boolean): ExtendedSequence {
    if (this.#skippedTo !== undefined && sequence >= this.#skippedTo) {
      const from = Math.max(this.#skippedTo, this.#highest + 1);
      this.#skippedTo = undefined;
      return from;
    }
    return this.#highest < 0 || afterPause ? sequence : this.#highest + 1;
  }
}
