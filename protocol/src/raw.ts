import { ProtocolError } from './errors.ts';
import { FRAME_BYTES, MAX_OPUS_BYTES } from './limits.ts';
import type { CodecName } from './packet.ts';

/**
 * Raw framing, for a server that selects no subprotocol: one binary message is one bare frame, an Opus
 * packet or 640 bytes of little-endian PCM. No control messages, so no resume and no loss detection.
 * @throws {ProtocolError} bad-payload-length
 */
export function checkRawFrame(codec: CodecName, data: Uint8Array): Uint8Array {
  if (codec === 'pcm' && data.length !== FRAME_BYTES) {
    throw new ProtocolError('bad-payload-length', `a raw PCM frame has ${FRAME_BYTES} bytes, this one ${data.length}`);
  }
  if (codec === 'opus' && (data.length < 1 || data.length > MAX_OPUS_BYTES)) {
    throw new ProtocolError(
      'bad-payload-length',
      `a raw Opus frame has 1 to ${MAX_OPUS_BYTES} bytes, this one ${data.length}`,
    );
  }
  return data;
}

/** L16 travels in network byte order (RFC 3551 §4.5.11), raw PCM little-endian: one is the other swapped. */
export function swapL16(data: Uint8Array): Buffer {
  return Buffer.from(data).swap16();
}
