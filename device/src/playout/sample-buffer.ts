/** A few frames of decoded sound, first in first out. Its owner keeps within the capacity. */
export class SampleBuffer {
  readonly #samples: Int16Array;
  #length = 0;

  constructor(capacity: number) {
    this.#samples = new Int16Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(samples: Int16Array): void {
    this.#samples.set(samples, this.#length);
    this.#length += samples.length;
  }

  /** Moves the oldest `into.length` samples out. */
  shift(into: Int16Array): void {
    into.set(this.#samples.subarray(0, into.length));
    this.#samples.copyWithin(0, into.length, this.#length);
    this.#length -= into.length;
  }
}
