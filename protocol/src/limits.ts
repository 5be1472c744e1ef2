/**
 * Every number of the wire protocol, in one place. Page: `protocol/README.md`.
 * Both ends import these; neither end writes one of them again.
 */

/** WebSocket subprotocol. A server that selects none gets raw framing (see `framing.ts`). */
export const SUBPROTOCOL = 'bestday.voice.v1';
/**
 * A response header that says that this 401 or 403 is the conversation server's own, and so final: any other server on
 * the way (a proxy, a captive portal) may answer with the same status.
 */
export const REFUSAL_HEADER = 'bestday-refusal';
export const CONNECT_PATH = '/v1/conversations/connect';
export const PROTOCOL_VERSION = 1;

export const SAMPLE_RATE = 16_000;
export const FRAME_MS = 20;
/**
 * 20 ms at 16 kHz mono. The requirement says '320 bytes'; 320 bytes of 16-bit audio are 10 ms, so
 * samples were meant. An encoder that is handed 320 bytes silently makes 10 ms packets.
 */
export const FRAME_SAMPLES = 320;
export const FRAME_BYTES = FRAME_SAMPLES * 2;

/** RTP timestamp clocks: Opus is always 48 kHz (RFC 7587 §4.1), L16 its sample rate (RFC 3551 §4.5.11). */
export const OPUS_CLOCK_HZ = 48_000;
export const OPUS_FRAME_TICKS = 960;
export const L16_FRAME_TICKS = FRAME_SAMPLES;

/** RFC 6716 §3.2.1: the longest Opus frame is 1,275 bytes. */
export const MAX_OPUS_BYTES = 1_275;
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** A jump over this many frames (30 s) is a protocol error, not loss. */
export const MAX_SEQUENCE_JUMP = 1_500;

export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Limits of attempts 1, 2 and 3 of one outage; the last holds for all after it. */
export const CONNECT_TIMEOUTS_MS: readonly number[] = [2_000, 4_000, 8_000];
export const PING_INTERVAL_MS = 5_000;
/** No bytes for this long: the peer is dead, however open the socket looks. */
export const DEAD_AFTER_MS = 6_000;
export const ACK_INTERVAL_MS = 1_000;

export const RESUME_WINDOW_MS = 30_000;
/** Waits before attempts 1 to 4; after these, `RECONNECT_STEADY_MS` until the window closes. */
export const RECONNECT_DELAYS_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000];
export const RECONNECT_STEADY_MS = 2_000;

/** Microphone audio older than this is shed rather than sent late. */
export const STALE_MIC_MS = 3_000;
/** How far ahead of the ear the server may send: all that an outage inside the window can eat. */
export const DEFAULT_MAX_QUEUE_MS = 30_000;
export const MAX_QUEUE_LIMIT_MS = 60_000;
