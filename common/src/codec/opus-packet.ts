/**
 * What an Opus packet says of itself, read from its first bytes without decoding (RFC 6716 §3.1, §4.2.3).
 * Decoders are shown only packets that pass here: garbage may decode to 2.5–120 ms of noise.
 */

/** Frame lengths in units of 0.5 ms by configuration number: SILK 0–11, hybrid 12–15, CELT 16–31 (Table 2). */
const SILK_HALF_MS = [20, 40, 80, 120];
const HYBRID_HALF_MS = [20, 40];
const CELT_HALF_MS = [5, 10, 20, 40];
const FIRST_HYBRID = 12;
const FIRST_CELT = 16;

const STEREO_BIT = 0x04;
const VAD_BIT = 0x80;
const LBRR_BIT = 0x40;
const TWENTY_MS = 40;

/** Duration of the whole packet, ms; 0 when the packet is empty or breaks off inside its header. */
export function packetMs(packet: Uint8Array): number {
  return (frameHalfMs(packet) * frameCount(packet)) / 2;
}

/** One 20 ms mono packet, as the protocol has it. */
export function isOneMonoFrame(packet: Uint8Array): boolean {
  return packet.length > 0 && (packet[0]! & STEREO_BIT) === 0 && packetMs(packet) === 20;
}

/**
 * True when the packet carries a low-bitrate copy of the frame before it (LBRR, in-band FEC). In a packet of
 * one 20 ms mono SILK or hybrid frame the second byte begins with the VAD flag, then the LBRR flag.
 */
export function hasLbrr(packet: Uint8Array): boolean {
  if (packet.length < 2 || (packet[0]! & 0x07) !== 0) return false;
  return packet[0]! >> 3 < FIRST_CELT && frameHalfMs(packet) === TWENTY_MS && (packet[1]! & LBRR_BIT) !== 0;
}

/**
 * True when the sender's encoder found no voice in the packet: one 20 ms mono SILK frame whose VAD flag is 0, or DTX's
 * lone first byte. Of hybrid and CELT frames nothing is known.
 */
export function isSilence(packet: Uint8Array): boolean {
  if (packet.length < 2) return packet.length === 1;
  return (
    (packet[0]! & 0x07) === 0 &&
    packet[0]! >> 3 < FIRST_HYBRID &&
    frameHalfMs(packet) === TWENTY_MS &&
    (packet[1]! & VAD_BIT) === 0
  );
}

function frameHalfMs(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const config = packet[0]! >> 3;
  if (config < FIRST_HYBRID) return SILK_HALF_MS[config & 3]!;
  if (config < FIRST_CELT) return HYBRID_HALF_MS[config & 1]!;
  return CELT_HALF_MS[config & 3]!;
}

function frameCount(packet: Uint8Array): number {
  const code = packet[0]! & 3;
  if (code === 0) return 1;
  if (code < 3) return 2;
  return packet.length < 2 ? 0 : packet[1]! & 0x3f;
}
