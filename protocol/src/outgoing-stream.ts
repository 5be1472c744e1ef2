import { FRAME_TICKS_OF, PAYLOAD_TYPE_OF } from './packet.ts';
import type { AudioPacket, CodecName } from './packet.ts';
import { wireSequence } from './sequence.ts';
import type { ExtendedSequence } from './sequence.ts';

/** One direction of a conversation as its sender numbers it: places in the stream and RTP headers (RFC 3550 §5.1). */
export class OutgoingStream {
  readonly #codec: CodecName;
  readonly #origin: StreamOrigin;
  readonly #ticksPerFrame: number;

  constructor(codec: CodecName, origin: StreamOrigin) {
    this.#codec = codec;
    this.#origin = origin;
    this.#ticksPerFrame = FRAME_TICKS_OF[codec];
  }

  packet(sequence: ExtendedSequence, marker: boolean, payload: Uint8Array): AudioPacket {
    const { ssrc, firstSequence, firstTimestamp } = this.#origin;
    return {
      payloadType: PAYLOAD_TYPE_OF[this.#codec],
      marker,
      sequence: wireSequence(sequence),
      timestamp: (firstTimestamp + (sequence - firstSequence) * this.#ticksPerFrame) % 2 ** 32,
      ssrc,
      payload,
    };
  }

  /** The place, as a sequence number with a fraction, of an extended RTP timestamp. */
  placeOf(timestamp: number): number {
    const { firstSequence, firstTimestamp } = this.#origin;
    return firstSequence + (timestamp - firstTimestamp) / this.#ticksPerFrame;
  }
}

/** Where a stream begins; all three are random (RFC 3550 §5.1, §8). */
export interface StreamOrigin {
  /** 32 bits. */
  readonly ssrc: number;
  readonly firstSequence: ExtendedSequence;
  /** 32 bits, in the payload type's clock. */
  readonly firstTimestamp: number;
}
