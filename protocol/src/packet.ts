import { ProtocolError } from './errors.ts';
import { FRAME_BYTES, L16_FRAME_TICKS, MAX_OPUS_BYTES, OPUS_FRAME_TICKS } from './limits.ts';

/** RTP payload types of the protocol. */
export const PayloadType = { opus: 96, l16: 97 } as const;
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType];

export type CodecName = 'opus' | 'pcm';

export const PAYLOAD_TYPE_OF: Readonly<Record<CodecName, PayloadType>> = {
  opus: PayloadType.opus,
  pcm: PayloadType.l16,
};
export const FRAME_TICKS_OF: Readonly<Record<CodecName, number>> = { opus: OPUS_FRAME_TICKS, pcm: L16_FRAME_TICKS };

export const RTP_HEADER_BYTES = 12;
/** Version 2, no padding, no extension, no CSRC (RFC 3550 §5.1). Anything else is refused. */
const FIRST_OCTET = 0x80;
const MARKER_BIT = 0x80;

/** One 20 ms frame as it stands on the wire. */
export interface AudioPacket {
  readonly payloadType: PayloadType;
  /** First frame after silence, or of a response. */
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in the payload type's clock. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** A view into the message it was parsed from; copy it to keep it longer than the message. */
  readonly payload: Uint8Array;
}

/** @throws {ProtocolError} truncated-packet, bad-rtp-header, bad-payload-type, bad-payload-length */
export function parsePacket(data: Uint8Array): AudioPacket {
  if (data.length < RTP_HEADER_BYTES) {
    throw new ProtocolError(
      'truncated-packet',
      `an RTP packet has at least ${RTP_HEADER_BYTES} bytes, this one ${data.length}`,
    );
  }
  if (data[0] !== FIRST_OCTET) {
    throw new ProtocolError(
      'bad-rtp-header',
      `first octet 0x${data[0]!.toString(16)}: want RTP version 2 without padding, extension or CSRC (0x80)`,
    );
  }
  const payload = data.subarray(RTP_HEADER_BYTES);
  const payloadType = checkPayload(data[1]! & 0x7f, payload.length);
  return {
    payloadType,
    marker: (data[1]! & MARKER_BIT) !== 0,
    sequence: (data[2]! << 8) | data[3]!,
    timestamp: uint32(data, 4),
    ssrc: uint32(data, 8),
    payload,
  };
}

/** Network byte order. Without a view of the bytes: a hundred conversations parse 5,000 packets a second. */
function uint32(data: Uint8Array, at: number): number {
  return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
}

function checkPayload(payloadType: number, length: number): PayloadType {
  if (payloadType === PayloadType.opus) {
    if (length >= 1 && length <= MAX_OPUS_BYTES) return payloadType;
    throw new ProtocolError(
      'bad-payload-length',
      `an Opus packet has 1 to ${MAX_OPUS_BYTES} bytes, this one ${length}`,
    );
  }
  if (payloadType === PayloadType.l16) {
    if (length === FRAME_BYTES) return payloadType;
    throw new ProtocolError('bad-payload-length', `a 20 ms L16 frame has ${FRAME_BYTES} bytes, this one ${length}`);
  }
  throw new ProtocolError(
    'bad-payload-type',
    `payload type ${payloadType}: want ${PayloadType.opus} (Opus) or ${PayloadType.l16} (L16)`,
  );
}

/** Writes header and payload into one new buffer, ready to be sent as one binary message. */
export function writePacket(packet: AudioPacket): Buffer {
  const data = Buffer.allocUnsafe(RTP_HEADER_BYTES + packet.payload.length);
  data[0] = FIRST_OCTET;
  data[1] = packet.payloadType | (packet.marker ? MARKER_BIT : 0);
  data.writeUInt16BE(packet.sequence & 0xffff, 2);
  data.writeUInt32BE(packet.timestamp >>> 0, 4);
  data.writeUInt32BE(packet.ssrc >>> 0, 8);
  data.set(packet.payload, RTP_HEADER_BYTES);
  return data;
}
