import { newFrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { Decoder } from '../../../common/src/codec/ports.ts';
import type { ComfortNoise } from '../../../common/src/concealment/comfort-noise.ts';
import { Ladder } from '../../../common/src/concealment/ladder.ts';
import { FRAME_MS, MAX_SEQUENCE_JUMP, ProtocolError, SequenceExtender } from '../../../protocol/src/index.ts';
import type { AudioPacket, ExtendedSequence } from '../../../protocol/src/index.ts';
import type { HeardFrame } from '../store/conversation-store.ts';
import { SilenceGate } from './silence-gate.ts';

/**
 * What the patient says, from the link to voice activity and speech-to-text:
 *
 *   transport → framing → packet → number → duplicate? late? gap? → silence? → decode | recover → hear(pcm, sequence)
 *                         receive()         #gapBefore()   #fill()  SilenceGate  Ladder
 *
 * TCP keeps order, so a gap means that the phone shed stale frames. A short one is filled by the ladder; of a long
 * one only the first second, because nobody needs thirty seconds of made-up background.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #numbers: SequenceExtender;
  readonly #ladder: Ladder;
  readonly #gate: SilenceGate;
  #ssrc: number | undefined;
  #ackedReceived = 0;
  #ackedMissing = 0;
  #missing = 0;
  /** Frames the phone said at its resume that it no longer holds: a gap this long is no jump. */
  #pardonedGap = 0;
  #lastGap = { from: 0, to: -1 };
  readonly counters: FrameCounters = newFrameCounters();

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#ladder = new Ladder({ decoder: options.decoder, comfortNoise: NO_NOISE, counters: this.counters });
    this.#gate = new SilenceGate({
      silent: (payload) => options.decoder.silent?.(payload) ?? false,
      listening: options.listening,
      decode: (payload) => this.#decode(payload),
      hear: options.hear,
      quiet: options.quiet,
    });
    this.#numbers = new SequenceExtender(options.rxSeq < 0 ? undefined : options.rxSeq);
  }

  /** Last microphone frame held, or −1. */
  get rxSeq(): number {
    return this.#numbers.highest ?? -1;
  }

  /** Frames that another process held and that nobody understood there; `rxSeq` names the last of them. */
  hearAgain(frames: readonly HeardFrame[]): void {
    let next = frames[0]?.sequence ?? 0;
    for (const { sequence, payload } of frames) {
      this.#fill(next, sequence - next, payload);
      this.#options.hear(this.#decode(payload), sequence);
      next = sequence + 1;
    }
  }

  /** A new socket: the phone goes on after `rxSeq`, or at `firstTxSeq` when it no longer holds that. */
  resume(firstTxSeq: ExtendedSequence): void {
    this.#ssrc = undefined;
    const highest = this.#numbers.highest;
    if (highest === undefined) this.#numbers.reset(firstTxSeq - 1);
    else this.#pardonedGap = Math.max(0, firstTxSeq - 1 - highest);
  }

  /**
   * The frames will never come. Nothing to fill yet: the gap shows when the next frame arrives, and only then is
   * known whether that one carries FEC.
   */
  discarded(fromSeq: ExtendedSequence, toSeq: ExtendedSequence): void {
    if (toSeq < fromSeq) {
      throw new ProtocolError('bad-message', 'discarded: fields "fromSeq" and "toSeq" name no range of frames');
    }
    this.counters.shed += Math.min(toSeq - fromSeq + 1, MAX_SEQUENCE_JUMP);
  }

  /** @throws {ProtocolError} */
  receive(packet: AudioPacket): void {
    this.#checkSource(packet.ssrc);
    const gap = this.#gapBefore(packet.sequence);
    if (gap === undefined) return;
    const sequence = this.#numbers.extend(packet.sequence);
    this.#fill(sequence - gap, gap, packet.payload);
    this.#take(packet.payload, sequence);
  }

  /** Times the decoder could not conceal; anything but 0 is a bug. */
  get concealmentFailures(): number {
    return this.#ladder.faults;
  }

  /** Share of the frames since the last call that never came, 0 … 1. */
  takeLossRate(): number {
    const received = this.counters.received - this.#ackedReceived;
    const missing = this.#missing - this.#ackedMissing;
    this.#ackedReceived = this.counters.received;
    this.#ackedMissing = this.#missing;
    return missing === 0 ? 0 : missing / (missing + received);
  }

  close(): void {
    this.#options.decoder.close();
  }

  /** @returns how many frames are missing before this one; undefined when it is one we have, or are past */
  #gapBefore(wire: number): number | undefined {
    const highest = this.#numbers.highest;
    if (highest === undefined) return 0;
    const ahead = this.#numbers.peek(wire) - highest;
    if (ahead > MAX_SEQUENCE_JUMP + this.#pardonedGap || ahead < -MAX_SEQUENCE_JUMP) {
      throw new ProtocolError(
        'sequence-jump',
        `a microphone frame ${ahead} places from the last; the limit is ${MAX_SEQUENCE_JUMP}`,
      );
    }
    this.#pardonedGap = 0;
    if (ahead > 0) return ahead - 1;
    this.#countPast(highest + ahead);
    return undefined;
  }

  #countPast(sequence: ExtendedSequence): void {
    if (sequence >= this.#lastGap.from && sequence <= this.#lastGap.to) this.counters.late++;
    else this.counters.duplicate++;
  }

  #fill(first: ExtendedSequence, gap: number, next: Uint8Array): void {
    if (gap === 0) return;
    this.#missing += gap;
    // The decoder must have heard what came before the gap, to fill it.
    this.#gate.open();
    this.#lastGap = { from: first, to: first + gap - 1 };
    const filled = Math.min(gap, MAX_FILLED_FRAMES);
    for (let index = 0; index < filled; index++) {
      // Only the frame right before `next` is in its FEC.
      const pcm = this.#ladder.missing(index === gap - 1 ? next : undefined);
      this.#options.hear(pcm, first + index);
    }
  }

  #take(payload: Uint8Array, sequence: ExtendedSequence): void {
    this.counters.received++;
    this.#options.heard({ sequence, payload });
    this.#gate.take(payload, sequence);
  }

  #decode(payload: Uint8Array): Int16Array {
    const garbageBefore = this.#ladder.garbage;
    const pcm = this.#ladder.received(payload);
    if (this.#ladder.garbage > garbageBefore) this.#options.undecodable();
    return pcm;
  }

  #checkSource(ssrc: number): void {
    this.#ssrc ??= ssrc;
    if (ssrc !== this.#ssrc)
      throw new ProtocolError(
        'bad-rtp-header',
        'a second SSRC on one connection; a conversation has one per direction',
      );
  }
}

export interface UplinkOptions {
  /** The uplink closes it. */
  readonly decoder: Decoder;
  /** Last frame held (a conversation taken over from another process), or −1. */
  readonly rxSeq: number;
  /** Before it is decoded. */
  readonly heard: (frame: HeardFrame) => void;
  /** 320 samples, in order, without a gap but for very long ones. */
  readonly hear: (pcm: Int16Array, sequence: ExtendedSequence) => void;
  /** In place of `hear`: the phone found no voice in this frame, nor around it. */
  readonly quiet: (sequence: ExtendedSequence) => void;
  /** The patient has the floor. */
  readonly listening: () => boolean;
  readonly undecodable: () => void;
}

/** Nobody listens on this side: made-up noise would only give the recogniser something to mishear. */
const NO_NOISE: ComfortNoise = { learn() {}, fill: (into) => void into.fill(0) };
const MAX_FILLED_FRAMES = 1_000 / FRAME_MS;
