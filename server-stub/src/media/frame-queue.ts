import type { ExtendedSequence } from '../../../protocol/src/index.ts';

/** Consecutive frames by sequence number: appended at the end, released from the front, each in constant time. */
export class FrameQueue {
  #frames: (Uint8Array | undefined)[] = [];
  /** Index in `#frames` of the first frame that is held. */
  #offset = 0;
  #first: ExtendedSequence;

  constructor(first: ExtendedSequence, frames: readonly Uint8Array[] = []) {
    this.#first = first;
    this.#frames = [...frames];
  }

  /** Number of the first frame held, or of the next one to come when none is. */
  get first(): ExtendedSequence {
    return this.#first;
  }

  /** One past the last frame held. */
  get next(): ExtendedSequence {
    return this.#first + this.length;
  }

  get length(): number {
    return this.#frames.length - this.#offset;
  }

  /** @returns the frame's number */
  push(frame: Uint8Array): ExtendedSequence {
    this.#frames.push(frame);
    return this.next - 1;
  }

  at(sequence: ExtendedSequence): Uint8Array | undefined {
    return sequence < this.#first ? undefined : this.#frames[this.#offset + sequence - this.#first];
  }

  toArray(): Uint8Array[] {
    return this.since(this.#first);
  }

  /** The frames from `sequence` on; it must not lie before the first. */
  since(sequence: ExtendedSequence): Uint8Array[] {
    return this.#frames.slice(this.#offset + sequence - this.#first) as Uint8Array[];
  }

  /** Lets go of everything up to and with `through`. */
  release(through: ExtendedSequence): void {
    const count = Math.min(through + 1 - this.#first, this.length);
    if (count <= 0) return;
    this.#frames.fill(undefined, this.#offset, this.#offset + count);
    this.#offset += count;
    this.#first += count;
    // Compacting at half keeps the cost per frame constant and the array bounded.
    if (this.#offset * 2 < this.#frames.length) return;
    this.#frames.splice(0, this.#offset);
    this.#offset = 0;
  }

  /** Lets go of everything; numbers go on at `next`. */
  clear(next: ExtendedSequence): void {
    this.#frames = [];
    this.#offset = 0;
    this.#first = next;
  }
}
