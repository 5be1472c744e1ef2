import { ProtocolError } from './errors.ts';
import { FRAME_BYTES, MAX_OPUS_BYTES } from './limits.ts';
import { FRAME_TICKS_OF, parsePacket, PAYLOAD_TYPE_OF, writePacket } from './packet.ts';
import type { AudioPacket, CodecName } from './packet.ts';

/**
 * How frames become binary messages on one link, and back. Chosen once, when the link opens, and used in both
 * directions on both ends: nobody else knows what the bytes look like. In a packet PCM is L16 in network byte order
 * (RFC 3551 §4.5.11), whatever travels on the link.
 */
export interface Framing {
  readonly name: FramingName;
  /** Control messages travel beside the audio: handshake, acknowledgements, resume and flush. */
  readonly control: boolean;
  write(packet: AudioPacket): Uint8Array;
  /**
   * @param codec the one agreed on
   * @returns a packet whose payload may be a view into `data`
   * @throws {ProtocolError} truncated-packet, bad-rtp-header, bad-payload-type, bad-payload-length
   */
  parse(data: Uint8Array, codec: CodecName): AudioPacket;
}

export type FramingName = 'rtp' | 'raw';

export function openFraming(name: FramingName): Framing {
  return FRAMINGS[name]();
}

const FRAMINGS: Readonly<Record<FramingName, () => Framing>> = { rtp: () => RTP_FRAMING, raw: () => new RawFraming() };

/** One binary message is one RTP packet. */
const RTP_FRAMING: Framing = {
  name: 'rtp',
  control: true,
  write: writePacket,
  parse(data, codec) {
    const packet = parsePacket(data);
    const want = PAYLOAD_TYPE_OF[codec];
    if (packet.payloadType === want) return packet;
    throw new ProtocolError(
      'bad-payload-type',
      `payload type ${packet.payloadType} in a conversation that agreed on ${want}`,
    );
  },
};

/**
 * For a server that selects no subprotocol: one binary message is one bare frame, an Opus packet or 640 bytes of
 * little-endian PCM. What arrives is numbered here, so that it is a packet like any other.
 */
class RawFraming implements Framing {
  readonly name = 'raw';
  readonly control = false;
  #received = 0;

  write({ payloadType, payload }: AudioPacket): Uint8Array {
    return payloadType === PAYLOAD_TYPE_OF.pcm ? swapped(payload) : payload;
  }

  parse(data: Uint8Array, codec: CodecName): AudioPacket {
    checkLength(data.length, codec);
    const ordinal = this.#received++;
    return {
      payloadType: PAYLOAD_TYPE_OF[codec],
      marker: false,
      sequence: ordinal % 2 ** 16,
      timestamp: (ordinal * FRAME_TICKS_OF[codec]) % 2 ** 32,
      ssrc: 0,
      payload: codec === 'pcm' ? swapped(data) : data,
    };
  }
}

/** Without a handshake the first bare frame tells its codec. */
export function codecOfRawFrame(data: Uint8Array): CodecName {
  return data.length === FRAME_BYTES ? 'pcm' : 'opus';
}

function checkLength(bytes: number, codec: CodecName): void {
  if (codec === 'pcm' && bytes !== FRAME_BYTES)
    throw new ProtocolError('bad-payload-length', `a raw PCM frame has ${FRAME_BYTES} bytes, this one ${bytes}`);
  if (codec === 'opus' && (bytes < 1 || bytes > MAX_OPUS_BYTES))
    throw new ProtocolError(
      'bad-payload-length',
      `a raw Opus frame has 1 to ${MAX_OPUS_BYTES} bytes, this one ${bytes}`,
    );
}

/** A copy: others hold the frame too. */
function swapped(data: Uint8Array): Buffer {
  return Buffer.from(data).swap16();
}
