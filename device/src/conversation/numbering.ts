import { extendTimestamp, MAX_SEQUENCE_JUMP, ProtocolError, SequenceExtender } from '../../../protocol/src/index.ts';
import type { AudioPacket } from '../../../protocol/src/index.ts';

/** A received frame's place in the companion's stream, without wrap: `timestamp` counts the payload's RTP clock. */
export interface Place {
  readonly sequence: number;
  readonly timestamp: number;
}

/** Places what arrives in one stream that goes on across resumes (RFC 3550, appendix A.1). */
export class Numbering {
  readonly #extender = new SequenceExtender();
  /** Extended; of the last packet, or of none yet: a resume may come before the first. */
  #timestamp: number | undefined;

  /** A new conversation: whatever comes next is the first. */
  restart(): void {
    this.#extender.reset(undefined);
    this.#timestamp = undefined;
  }

  /** A resumed one. What was flushed during the outage is not replayed, so the numbers may go on further up. */
  goOnFrom(nextSequence: number): void {
    this.#extender.reset(Math.max(nextSequence - 1, this.#extender.highest ?? -1));
  }

  /** @throws {ProtocolError} sequence-jump; the stream's place is then as it was */
  place(packet: AudioPacket): Place {
    const highest = this.#extender.highest;
    const sequence = this.#extender.peek(packet.sequence);
    if (highest !== undefined && Math.abs(sequence - highest) > MAX_SEQUENCE_JUMP) {
      throw new ProtocolError('sequence-jump', `sequence number ${sequence} after ${highest}`);
    }
    this.#extender.extend(packet.sequence);
    this.#timestamp =
      this.#timestamp === undefined ? packet.timestamp : extendTimestamp(this.#timestamp, packet.timestamp);
    return { sequence, timestamp: this.#timestamp };
  }
}
