import { OutgoingStream, FRAME_MS, STALE_MIC_MS } from '../../protocol/src/index.ts';
import type { AudioPacket, ExtendedSequence, StreamOrigin } from '../../protocol/src/index.ts';
import type { Encoder } from '../../common/src/codec/ports.ts';
import { RateTuner } from '../../common/src/codec/rate-tuner.ts';
import { LossTuner, tuningAt } from '../../common/src/codec/tuning.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { HeldFrames } from '../../common/src/link/held-frames.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import { ShedFrames } from './shed-frames.ts';

/**
 * The first of the two straight lines, top to bottom on this screen:
 *
 *   microphone → 20 ms framer → encode → hold → packet → link → framing → transport
 *   (audio/)     (audio/)       capture()       #send()
 *
 * Every frame is held until the server acknowledges it or it is 3 s old, so what was said during an outage is
 * sent after it. Frames that grow stale while they wait are shed, and the gap in the sequence numbers is what the
 * server's FEC and concealment work on.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #stream: OutgoingStream;
  readonly #held: HeldFrames;
  readonly #shed: ShedFrames;
  readonly #loss = new LossTuner();
  readonly #rate: RateTuner;
  #link: UplinkLink | undefined;
  /** The first frame captured since the link is up: older ones waited for the link, not in it. */
  #linkedFrom: ExtendedSequence = 0;
  /** By sequence number, for the last minute: when did the words end that were just answered? */
  readonly #capturedAtMs = new Float64Array(CAPTURE_TIMES);

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#stream = new OutgoingStream(options.encoder.codec, options);
    this.#held = new HeldFrames(options.firstSequence);
    this.#shed = new ShedFrames(options.counters, options.onShed);
    this.#rate = new RateTuner(options.bitrate);
  }

  /** One microphone frame of 320 samples. Encodes at once, linked or not: the encoder must hear everything. */
  capture(pcm: Int16Array): void {
    const sequence = this.#held.push(this.#options.encoder.encode(pcm));
    this.#capturedAtMs[sequence % CAPTURE_TIMES] = this.#options.clock.now();
    this.#options.onCaptured?.(sequence);
    this.#pump();
  }

  /** Whatever the reason to send, frames that grew stale since the last one do not go out. */
  #pump(): void {
    this.#shedStale();
    const link = this.#link;
    if (link === undefined) return;
    while (this.#held.unsent > 0 && link.mayGo(this.#held.underWay)) this.#send(link);
  }

  #send(link: UplinkLink): void {
    const { counters, firstSequence } = this.#options;
    const sequence = this.#held.send();
    this.#shed.report();
    link.frame(this.#stream.packet(sequence, sequence === firstSequence, this.#held.at(sequence)!));
    counters.sent++;
    if (!link.acknowledges) this.#held.acknowledge(sequence);
  }

  #shedStale(): void {
    const nowMs = this.#options.clock.now();
    let kept = this.#held.first;
    while (kept < this.#held.next && nowMs - this.#capturedAtMs[kept % CAPTURE_TIMES]! > STALE_MIC_MS) kept++;
    // Of these, the ones already sent are merely no longer held; only the unsent ones are lost.
    this.#shed.add(this.#held.sent + 1, kept - 1);
    this.#held.release(kept - 1);
  }

  /** A fresh conversation, or a resumed one: the server says which frame it holds last (−1: none). */
  link(link: UplinkLink, rxSeq: number): void {
    this.#link = link;
    this.#linkedFrom = this.#held.next;
    this.#rate.reset();
    this.#held.restart(rxSeq);
    this.#shedStale();
    this.#shed.widen(Math.max(rxSeq + 1, this.#options.firstSequence), this.#held.first - 1);
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
    if (rxSeq >= this.#held.next) return;
    this.#held.acknowledge(rxSeq);
    this.#tune(rxSeq, lossRate);
    this.#pump();
  }

  #tune(rxSeq: ExtendedSequence, lossRate: number): void {
    const lossChanged = this.#loss.report(lossRate) !== undefined;
    const capturedMs = rxSeq < this.#linkedFrom ? undefined : this.capturedAtMs(rxSeq);
    const rateChanged = capturedMs !== undefined && this.#rate.report(this.#options.clock.now() - capturedMs);
    if (lossChanged || rateChanged) this.#options.encoder.tune(tuningAt(this.#rate.bitrate, this.#loss.tuning));
  }

  /** First frame a resume can offer. */
  get firstHeld(): ExtendedSequence {
    return this.#held.first;
  }

  get heldFrames(): number {
    return this.#held.length;
  }

  /** When frame `sequence` was captured, on our clock; `undefined` when that is over a minute ago. */
  capturedAtMs(sequence: ExtendedSequence): number | undefined {
    const { next } = this.#held;
    if (sequence < this.#options.firstSequence || sequence >= next || sequence < next - CAPTURE_TIMES) return undefined;
    return this.#capturedAtMs[sequence % CAPTURE_TIMES];
  }

  close(): void {
    this.#link = undefined;
    this.#held.clear(this.#held.next);
    this.#options.encoder.close();
  }
}

/** The link to the server, as the uplink needs it. */
export interface UplinkLink {
  /** May another frame go now, with `underWay` of them not acknowledged? */
  mayGo(underWay: number): boolean;
  frame(packet: AudioPacket): void;
  /** False where acks never come: what was sent is then not held. */
  readonly acknowledges: boolean;
}

/**
 * Of the origin, `firstSequence` has 15 bits: were it near the wrap, frames shed while dialling could take the first
 * one sent over it, and the peer would miscount.
 */
export interface UplinkOptions extends StreamOrigin {
  readonly clock: Clock;
  readonly encoder: Encoder;
  /** bit/s, of an Opus encoder. */
  readonly bitrate: number;
  readonly counters: FrameCounters;
  /** Frames `from` … `to` will never be sent; called on the link, before the next frame goes out. */
  readonly onShed: (from: ExtendedSequence, to: ExtendedSequence) => void;
  /** For measurements: a frame came from the microphone. */
  readonly onCaptured?: ((sequence: ExtendedSequence) => void) | undefined;
}

const CAPTURE_TIMES = 60_000 / FRAME_MS;
