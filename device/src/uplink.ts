import {
  FRAME_MS,
  FRAME_TICKS_OF,
  PAYLOAD_TYPE_OF,
  STALE_MIC_MS,
  wireSequence,
  writePacket,
} from '../../protocol/src/index.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import type { MessageSocket } from '../../common/src/link/message-socket.ts';
import type { ExtendedSequence } from '../../protocol/src/index.ts';
import type { Encoder } from '../../common/src/codec/ports.ts';
import { RateTuner } from '../../common/src/codec/rate-tuner.ts';
import { LossTuner, tuningAt } from '../../common/src/codec/tuning.ts';
import type { Framing } from './connection/transport.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';

/**
 * The first of the two straight lines, top to bottom on this screen:
 *
 *   microphone → 20 ms framer → encode → packet → hold → transport
 *   (audio/)     (audio/)       encode()  packet()  held   pump()
 *
 * Every frame is held until the server acknowledges it or it is 3 s old, so what was said during an outage is
 * sent after it. TCP never loses, it stalls; so frames that grow stale while they wait are shed here, and the gap
 * in the sequence numbers is what the server's FEC and concealment work on.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #ticksPerFrame: number;
  readonly #firstSequence: ExtendedSequence;
  readonly #loss = new LossTuner();
  readonly #rate: RateTuner;
  readonly #held: HeldFrame[] = [];
  /** Index in `#held` of the first frame not sent on this link. */
  #unsent = 0;
  #next: ExtendedSequence;
  #acknowledged: ExtendedSequence;
  /** On this link. What was shed between two frames sent is not under way. */
  #lastSent: ExtendedSequence;
  #link: { socket: MessageSocket; framing: Framing } | undefined;
  /** The first frame captured since the link is up: older ones waited for the link, not in it. */
  #linkedFrom: ExtendedSequence = 0;
  #shed: { from: ExtendedSequence; to: ExtendedSequence } | undefined;
  /** Capture time by sequence number, for the last minute: when did the words end that were just answered? */
  readonly #capturedAtMs = new Float64Array(CAPTURE_TIMES);

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#ticksPerFrame = FRAME_TICKS_OF[options.encoder.codec];
    this.#rate = new RateTuner(options.bitrate);
    this.#firstSequence = options.firstSequence;
    this.#next = options.firstSequence;
    this.#acknowledged = options.firstSequence - 1;
    this.#lastSent = this.#acknowledged;
  }

  /** One microphone frame of 320 samples. Encodes at once, linked or not: the encoder must hear everything. */
  capture(pcm: Int16Array): void {
    const payload = this.#options.encoder.encode(pcm);
    const sequence = this.#next++;
    const capturedMs = this.#options.clock.now();
    this.#capturedAtMs[sequence % CAPTURE_TIMES] = capturedMs;
    this.#options.onCaptured?.(sequence);
    this.#held.push({ sequence, capturedMs, payload });
    this.#pump();
  }

  /** A fresh conversation, or a resumed one: the server says which frame it holds last (−1: none). */
  link(socket: MessageSocket, framing: Framing, rxSeq: number): void {
    this.#link = { socket, framing };
    this.#linkedFrom = this.#next;
    this.#rate.reset();
    this.#acknowledge(rxSeq);
    this.#unsent = 0;
    this.#acknowledged = (this.#held[0]?.sequence ?? this.#next) - 1;
    this.#lastSent = this.#acknowledged;
    this.#shedStale();
    this.#noteLost(rxSeq);
    this.#pump();
  }

  unlink(): void {
    this.#link = undefined;
  }

  /**
   * The server holds everything up to `rxSeq`; a number it cannot know is ignored. The encoder follows the share
   * of frames that did not reach it (FEC costs on a clean link and pays from a few percent on) and how old those
   * are that do: on a link that carries less than is sent, older and older.
   */
  acknowledge(rxSeq: number, lossRate = 0): void {
    if (rxSeq >= this.#next) return;
    this.#acknowledge(rxSeq);
    this.#tune(rxSeq, lossRate);
    this.#pump();
  }

  /** First frame a resume can offer. */
  get firstHeld(): ExtendedSequence {
    return this.#held[0]?.sequence ?? this.#next;
  }

  get heldFrames(): number {
    return this.#held.length;
  }

  /** When frame `sequence` was captured, on our clock; `undefined` when that is over a minute ago. */
  capturedAtMs(sequence: ExtendedSequence): number | undefined {
    if (sequence < this.#firstSequence || sequence >= this.#next || sequence < this.#next - CAPTURE_TIMES)
      return undefined;
    return this.#capturedAtMs[sequence % CAPTURE_TIMES];
  }

  close(): void {
    this.#link = undefined;
    this.#held.length = 0;
    this.#options.encoder.close();
  }

  #tune(rxSeq: ExtendedSequence, lossRate: number): void {
    const lossChanged = this.#loss.report(lossRate) !== undefined;
    const capturedMs = rxSeq < this.#linkedFrom ? undefined : this.capturedAtMs(rxSeq);
    const rateChanged = capturedMs !== undefined && this.#rate.report(this.#options.clock.now() - capturedMs);
    if (lossChanged || rateChanged) this.#options.encoder.tune(tuningAt(this.#rate.bitrate, this.#loss.tuning));
  }

  /** Whatever the reason to send, frames that grew stale since the last one do not go out. */
  #pump(): void {
    this.#shedStale();
    const link = this.#link;
    if (link === undefined) return;
    while (this.#unsent < this.#held.length && this.#mayRide(link)) {
      const frame = this.#held[this.#unsent++]!;
      this.#lastSent = frame.sequence;
      this.#reportShed();
      link.socket.send(link.framing === 'raw' ? this.#rawFrame(frame) : this.#packet(frame));
      this.#options.counters.sent++;
    }
    if (link.framing === 'raw') this.#forgetSent();
  }

  /**
   * The kernel hides seconds of audio that `bufferedBytes` does not show, so what is unacknowledged counts as
   * backlog too; a link that takes nothing for `WINDOW_FRAMES` gets no more until it does.
   */
  #mayRide(link: { socket: MessageSocket; framing: Framing }): boolean {
    if (link.socket.bufferedBytes > MAX_SOCKET_BACKLOG_BYTES) return false;
    return link.framing === 'raw' || this.#lastSent - this.#acknowledged < WINDOW_FRAMES;
  }

  #packet(frame: HeldFrame): Uint8Array {
    const ordinal = frame.sequence - this.#firstSequence;
    return writePacket({
      payloadType: PAYLOAD_TYPE_OF[this.#options.encoder.codec],
      marker: ordinal === 0,
      sequence: wireSequence(frame.sequence),
      timestamp: (this.#options.firstTimestamp + ordinal * this.#ticksPerFrame) % 2 ** 32,
      ssrc: this.#options.ssrc,
      payload: frame.payload,
    });
  }

  /** Raw PCM is little-endian, L16 big-endian. */
  #rawFrame(frame: HeldFrame): Uint8Array {
    return this.#options.encoder.codec === 'pcm' ? Buffer.from(frame.payload).swap16() : frame.payload;
  }

  #acknowledge(rxSeq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, rxSeq);
    let drop = 0;
    while (drop < this.#held.length && this.#held[drop]!.sequence <= rxSeq) drop++;
    this.#drop(drop);
  }

  #shedStale(): void {
    const nowMs = this.#options.clock.now();
    let drop = 0;
    while (drop < this.#held.length && nowMs - this.#held[drop]!.capturedMs > STALE_MIC_MS) drop++;
    // Of these, the ones already sent are merely no longer held; only the unsent ones are lost.
    for (const frame of this.#held.slice(this.#unsent, drop)) this.#noteShed(frame.sequence);
    this.#drop(drop);
  }

  /** What went down with the old link and has grown stale since is lost too: the server is told of the gap as one. */
  #noteLost(rxSeq: number): void {
    const from = Math.max(rxSeq + 1, this.#firstSequence);
    const to = this.firstHeld - 1;
    if (from > to) return;
    const known = this.#shed === undefined ? 0 : this.#shed.to - this.#shed.from + 1;
    this.#options.counters.shed += to - from + 1 - known;
    this.#shed = { from, to };
  }

  #noteShed(sequence: ExtendedSequence): void {
    this.#options.counters.shed++;
    if (this.#shed?.to === sequence - 1) this.#shed.to = sequence;
    else this.#shed = { from: sequence, to: sequence };
  }

  #reportShed(): void {
    if (this.#shed === undefined) return;
    this.#options.onShed(this.#shed.from, this.#shed.to);
    this.#shed = undefined;
  }

  #forgetSent(): void {
    this.#drop(this.#unsent);
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#held.splice(0, count);
    this.#unsent = Math.max(0, this.#unsent - count);
  }
}

export interface UplinkOptions {
  readonly clock: Clock;
  readonly encoder: Encoder;
  /** bit/s, of an Opus encoder. */
  readonly bitrate: number;
  readonly counters: FrameCounters;
  /** Random, 32 bits (RFC 3550 §8). */
  readonly ssrc: number;
  /** Random, 15 bits: were it near the wrap, frames shed while dialling could take the first one sent over it, and the peer would miscount. */
  readonly firstSequence: ExtendedSequence;
  /** Random, 32 bits. */
  readonly firstTimestamp: number;
  /** Frames `from` … `to` will never be sent; called on the link, before the next frame goes out. */
  readonly onShed: (from: ExtendedSequence, to: ExtendedSequence) => void;
  /** For measurements: a frame came from the microphone. */
  readonly onCaptured?: ((sequence: ExtendedSequence) => void) | undefined;
}

interface HeldFrame {
  readonly sequence: ExtendedSequence;
  readonly capturedMs: number;
  readonly payload: Uint8Array;
}

const CAPTURE_TIMES = 60_000 / FRAME_MS;
/** An ack comes every second and takes a round trip: at 400 ms that is 70 frames; 2.5 s leave room. */
const WINDOW_FRAMES = 2_500 / FRAME_MS;
const MAX_SOCKET_BACKLOG_BYTES = 16 * 1024;
