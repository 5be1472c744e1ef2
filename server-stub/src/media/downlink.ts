import { HeldFrames } from '../../../common/src/link/held-frames.ts';
import { FRAME_MS, MAX_SEQUENCE_JUMP, OutgoingStream, ProtocolError } from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { AudioPacket, CodecName, ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import type { ConversationLog, DownlinkRecord, ResponseRecord } from '../store/conversation-store.ts';
import type { ServerStats } from '../system/stats.ts';
import { Responses } from './responses.ts';

/**
 * What the phone shall hear, from the encoder to the link:
 *
 *   language model → text-to-speech → 20 ms framer → encode → hold → packet → link → framing → transport
 *                                                   append()         #send()
 *
 * A frame has its place in line from the moment it is made, and is held until the device acknowledges it. The numbers
 * of frames that were never sent are given out again after an interruption, so on the wire they are consecutive.
 */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #stream: OutgoingStream;
  readonly #held: HeldFrames;
  readonly #responses: Responses;
  /** Frames up to this place (fractional) have left the speaker, or will never. */
  #playedSeq: number;
  #queueBegins: ExtendedSequence;
  #link: DownlinkLink | undefined;
  /** When the speaker will have played all that was sent, as well as it is known here. */
  #busyUntilMs = 0;
  #roomWaiters: (() => void)[] = [];
  readonly #tell = (message: ServerMessage): void => this.#link?.message(message);

  constructor(options: DownlinkOptions) {
    const { codec, record, firstFrame, frames } = options;
    this.#options = options;
    this.#stream = new OutgoingStream(codec, record);
    this.#held = new HeldFrames(firstFrame, frames);
    this.#responses = new Responses(record);
    // Not `firstFrame`: what was acknowledged is no longer held here, but may wait in the phone for seconds.
    this.#queueBegins = record.queueBegins ?? record.firstSequence;
    this.#playedSeq = this.#queueBegins;
  }

  // ---- encoder → hold → link

  /** A new response; its frames stand after those of the one before. */
  begin(id: string): void {
    this.#responses.begin(id, this.#held.next);
    this.#options.changed();
  }

  append(id: string, frame: Uint8Array): void {
    if (!this.#responses.has(id)) return;
    this.#options.log.append(this.#held.push(frame), frame);
    this.#pump();
  }

  /** All of the response has been appended. */
  end(id: string): void {
    if (!this.#responses.has(id)) return;
    this.#responses.end(id, this.#held.next - 1);
    this.#options.changed();
    this.#pump();
  }

  /** False when as much is held as may be; `whenRoom` then resolves once a frame was released. */
  get hasRoom(): boolean {
    return this.#held.length * FRAME_MS < this.#options.maxHeldMs;
  }

  whenRoom(): Promise<void> {
    if (this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** As much goes out as the phone is asked to queue. */
  #pump(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#responses.conclude(this.#held.sent, this.#tell);
    while (this.#held.unsent > 0 && this.#aheadMs() + FRAME_MS <= this.#options.maxQueueMs) {
      this.#send(link);
      this.#responses.conclude(this.#held.sent, this.#tell);
    }
  }

  #send(link: DownlinkLink): void {
    const { clock, stats } = this.#options;
    const sequence = this.#held.send();
    const marker = this.#responses.announce(sequence, this.#tell);
    link.frame(this.#stream.packet(sequence, marker, this.#held.at(sequence)!));
    this.#busyUntilMs = Math.max(clock.now(), this.#busyUntilMs) + FRAME_MS;
    stats.framesSent++;
  }

  // ---- link

  /** A fresh conversation's link: everything made so far goes out. */
  attach(link: DownlinkLink): void {
    this.#link = link;
    this.#pump();
  }

  detach(): void {
    this.#link = undefined;
  }

  /**
   * A resumed conversation's link. Frames go out again from the one after `rxSeq`, in order, and with them the
   * `response.start` and `response.end` that may have been lost with the old socket.
   * @param announce called with the first frame's number, before anything is sent
   * @throws {ProtocolError} sequence-jump: the device claims frames that cannot exist
   */
  resume(link: DownlinkLink, rxSeq: number, playedTs: number, announce: (nextSeq: ExtendedSequence) => void): void {
    this.#rewind(rxSeq);
    this.#responses.settleOrphans(this.#held.next - 1);
    this.#played(playedTs);
    this.#link = link;
    announce(this.#held.sent + 1);
    this.#responses.renew(this.#held.sent, this.#tell);
    this.#busyUntilMs = this.#options.clock.now() + this.#aheadMs();
    this.#pump();
  }

  #rewind(rxSeq: number): void {
    const { stats } = this.#options;
    if (rxSeq >= this.#held.next + MAX_SEQUENCE_JUMP)
      throw new ProtocolError('sequence-jump', 'hello: field "resume.rxSeq" names a frame that was never made');
    if (rxSeq >= this.#held.next) this.#adopt(rxSeq);
    const { first, sent } = this.#held;
    this.#held.restart(rxSeq);
    stats.framesReplayed += Math.max(0, sent - this.#held.sent);
    if (rxSeq >= first) this.#released(rxSeq);
  }

  /**
   * The device has more than we hold: a process that died sent frames whose record did not reach the store. What is
   * held lies behind the device, so numbers go on after its last.
   */
  #adopt(rxSeq: number): void {
    this.#held.clear(rxSeq + 1);
    this.#options.log.clear(rxSeq + 1);
  }

  // ---- what the device has received and played

  /** @throws {ProtocolError} bad-message: the device acknowledges what was not sent */
  acknowledge(rxSeq: number, playedTs: number | undefined): void {
    if (rxSeq > this.#held.sent)
      throw new ProtocolError('bad-message', 'ack: field "rxSeq" names a frame that was not sent');
    this.#release(rxSeq);
    if (playedTs !== undefined) {
      this.#played(playedTs);
      this.#busyUntilMs = this.#options.clock.now() + this.#aheadMs();
    }
    this.#pump();
  }

  /** For a device that sends no acks (raw framing): what was sent has arrived, and is played as time goes by. */
  assumeHeard(): void {
    const aheadMs = Math.max(0, this.#busyUntilMs - this.#options.clock.now());
    this.#release(this.#held.sent);
    this.#playedSeq = Math.max(this.#playedSeq, this.#held.sent + 1 - aheadMs / FRAME_MS);
    this.#pump();
  }

  /** The device played (or threw away) all there was of this response. */
  settled(id: string): void {
    this.#responses.settled(id, this.#held.sent);
  }

  #release(rxSeq: number): void {
    if (rxSeq < this.#held.first) return;
    this.#held.acknowledge(rxSeq);
    this.#released(rxSeq);
  }

  #released(rxSeq: number): void {
    this.#options.log.release(rxSeq);
    this.#wakeWriters();
  }

  #wakeWriters(): void {
    if (!this.hasRoom) return;
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }

  /** @param playedTs extended RTP timestamp; a device that has played nothing may say anything below the first */
  #played(playedTs: number): void {
    const place = this.#stream.placeOf(playedTs);
    this.#playedSeq = Math.min(Math.max(this.#playedSeq, place), this.#held.sent + 1);
  }

  /** What the phone has, or will soon have, and has not played. */
  #aheadMs(): number {
    return Math.max(0, (this.#held.sent + 1 - this.#playedSeq) * FRAME_MS);
  }

  /** True while the patient hears the assistant, or is about to. */
  get speaking(): boolean {
    return this.#held.unsent > 0 || this.#options.clock.now() < this.#busyUntilMs;
  }

  /** How long the patient will hear what was made so far, ms. */
  get remainingMs(): number {
    return this.#held.unsent * FRAME_MS + Math.max(0, this.#busyUntilMs - this.#options.clock.now());
  }

  // ---- interruption and end

  /**
   * The patient speaks: every response that is not known to have been heard to its end stops, sent or not.
   * @returns each with what had been heard of it by the last word from the device
   */
  flush(): StoppedResponse[] {
    const { log, changed } = this.#options;
    const stopped = this.#responses.flush(this.#tell).map((one) => ({ id: one.id, playedMs: this.#playedMs(one) }));
    this.#queueBegins = this.#held.sent + 1;
    this.#held.clear(this.#queueBegins);
    log.clear(this.#queueBegins);
    this.#playedSeq = this.#queueBegins;
    this.#busyUntilMs = 0;
    this.#wakeWriters();
    if (stopped.length > 0) changed();
    return stopped;
  }

  #playedMs({ firstSeq, lastSeq = this.#held.sent }: ResponseRecord): number {
    return Math.max(0, (Math.min(this.#playedSeq, lastSeq + 1) - firstSeq) * FRAME_MS);
  }

  close(): void {
    this.#link = undefined;
    this.#responses.clear();
    this.#held.clear(this.#held.next);
    this.#wakeWriters();
  }

  get heldFrames(): number {
    return this.#held.length;
  }

  record(): DownlinkRecord {
    const { ssrc, firstSequence, firstTimestamp } = this.#options.record;
    return { ssrc, firstSequence, firstTimestamp, queueBegins: this.#queueBegins, ...this.#responses.record() };
  }
}

/** The link to the device, while there is one. */
export interface DownlinkLink {
  message(message: ServerMessage): void;
  frame(packet: AudioPacket): void;
}

export interface DownlinkOptions {
  readonly clock: Clock;
  readonly codec: CodecName;
  readonly maxQueueMs: number;
  readonly maxHeldMs: number;
  readonly record: DownlinkRecord;
  /** What is held already (a conversation taken over from another process), consecutive from `firstFrame`. */
  readonly firstFrame: ExtendedSequence;
  readonly frames: readonly Uint8Array[];
  readonly log: ConversationLog;
  readonly stats: ServerStats;
  /** The responses of `record()` have changed. */
  readonly changed: () => void;
}

export interface StoppedResponse {
  readonly id: string;
  readonly playedMs: number;
}
