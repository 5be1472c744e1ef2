import type { ExtendedSequence } from '../../../protocol/src/index.ts';

/** One frame on its way from the wire to the ear. */
export interface QueuedPacket {
  readonly sequence: ExtendedSequence;
  /** Extended RTP timestamp. */
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly arrivedMs: number;
}

export type Inserted = 'queued' | 'duplicate' | 'late' | 'refused';

/** Sequence numbers remembered, to tell what came twice from what came late: over 40 s. */
const REMEMBERED = 2048;

/**
 * Frames in order of their sequence numbers, however they arrive. Bounded: a frame over `capacity` is refused.
 * What lies before the `floor` (the next frame to be played) is late, or a duplicate when it was here before.
 */
export class JitterQueue {
  readonly #capacity: number;
  #packets: QueuedPacket[] = [];
  #first = 0;
  #floor = Number.NEGATIVE_INFINITY;
  readonly #seen = new Float64Array(REMEMBERED).fill(Number.NaN);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#packets.length - this.#first;
  }

  /** The frame with the lowest sequence number. */
  get head(): QueuedPacket | undefined {
    return this.#packets[this.#first];
  }

  get last(): QueuedPacket | undefined {
    return this.length > 0 ? this.#packets[this.#packets.length - 1] : undefined;
  }

  insert(packet: QueuedPacket): Inserted {
    const slot = packet.sequence % REMEMBERED;
    if (this.#seen[slot] === packet.sequence) return 'duplicate';
    if (packet.sequence < this.#floor) return 'late';
    if (this.length >= this.#capacity) return 'refused';
    let at = this.#packets.length;
    while (at > this.#first && this.#packets[at - 1]!.sequence > packet.sequence) at--;
    // Older than what is remembered, yet still queued.
    if (at > this.#first && this.#packets[at - 1]!.sequence === packet.sequence) return 'duplicate';
    this.#seen[slot] = packet.sequence;
    if (at === this.#packets.length) this.#packets.push(packet);
    else this.#packets.splice(at, 0, packet);
    return 'queued';
  }

  shift(): QueuedPacket | undefined {
    const packet = this.#packets[this.#first];
    if (packet === undefined) return undefined;
    this.#first++;
    this.#compact();
    return packet;
  }

  /** Nothing before `sequence` is wanted any more. @returns how many frames were dropped */
  advance(sequence: ExtendedSequence): number {
    this.#floor = Math.max(this.#floor, sequence);
    let dropped = 0;
    while (this.length > 0 && this.head!.sequence < sequence) {
      this.#first++;
      dropped++;
    }
    this.#compact();
    return dropped;
  }

  /** Drops `from` … `to`, both included. @returns how many frames were dropped */
  drop(from: ExtendedSequence, to: ExtendedSequence): number {
    const before = this.length;
    this.#packets = this.#packets.slice(this.#first).filter((packet) => packet.sequence < from || packet.sequence > to);
    this.#first = 0;
    return before - this.length;
  }

  /** Moves the played part out of the array when that is cheap: when nothing else is in it, or now and then. */
  #compact(): void {
    if (this.#first === this.#packets.length) this.#packets.length = 0;
    else if (this.#first >= 64) this.#packets.splice(0, this.#first);
    else return;
    this.#first = 0;
  }
}
