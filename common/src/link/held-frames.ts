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

/**
 * The frames of one direction from the moment they are made until the other end acknowledges them. On a link they go
 * out in order; on the next link all that is still held goes out again.
 */
export class HeldFrames extends FrameQueue {
  #sent: ExtendedSequence;
  /** Of the two on this link: what was shed between two frames sent is not under way. */
  #lastSent: ExtendedSequence;
  #acknowledged: ExtendedSequence;

  constructor(first: ExtendedSequence, frames: readonly Uint8Array[] = []) {
    super(first, frames);
    this.#sent = first - 1;
    this.#lastSent = this.#sent;
    this.#acknowledged = this.#sent;
  }

  /** Everything up to this frame was sent on this link, or is no longer held. */
  get sent(): ExtendedSequence {
    return this.#sent;
  }

  get unsent(): number {
    return this.next - 1 - this.#sent;
  }

  /** Frames sent on this link and not acknowledged. */
  get underWay(): number {
    return this.#lastSent - this.#acknowledged;
  }

  /** The next frame goes out now. @returns its number */
  send(): ExtendedSequence {
    this.#sent++;
    this.#lastSent = this.#sent;
    return this.#sent;
  }

  /** The other end has everything up to and with `through`. */
  acknowledge(through: ExtendedSequence): void {
    this.#acknowledged = Math.max(this.#acknowledged, through);
    this.release(through);
  }

  /** A new link, whose other end has everything up to and with `through`: what is held after that goes out again. */
  restart(through: ExtendedSequence): void {
    super.release(through);
    this.#restartAt(this.first);
  }

  override release(through: ExtendedSequence): void {
    super.release(through);
    this.#sent = Math.max(this.#sent, this.first - 1);
  }

  override clear(next: ExtendedSequence): void {
    super.clear(next);
    this.#restartAt(next);
  }

  #restartAt(next: ExtendedSequence): void {
    this.#sent = next - 1;
    this.#lastSent = this.#sent;
    this.#acknowledged = this.#sent;
  }
}
