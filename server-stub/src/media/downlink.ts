import {
  FRAME_MS,
  FRAME_TICKS_OF,
  MAX_SEQUENCE_JUMP,
  PAYLOAD_TYPE_OF,
  ProtocolError,
  wireSequence,
  writePacket,
} from '../../../protocol/src/index.ts';
import type { ExtendedSequence } from '../../../protocol/src/index.ts';
import type { DownlinkLink, DownlinkOptions, StoppedResponse } from './downlink-ports.ts';
import { FrameQueue } from './frame-queue.ts';
import type { DownlinkRecord, ResponseRecord } from '../store/conversation-store.ts';

/**
 * What the phone shall hear, from the encoder to the socket:
 *
 *   response → encode → append() → frames held → pump() → link
 *   (response.ts)                  └ until the device acknowledges them
 *
 * A frame has its place in line from the moment it is made; the numbers of frames that were never sent are given out
 * again after an interruption, so on the wire they are consecutive. Replay is nothing but moving `#sent` back.
 */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #ticksPerFrame: number;
  readonly #frames: FrameQueue;
  /** The last frame sent on the present link (or on the last one, while there is none). */
  #sent: ExtendedSequence;
  /** Frames up to this place (fractional) have left the speaker, or will never. */
  #playedSeq: number;
  #queueBegins: ExtendedSequence;
  #responses: Response[] = [];
  #flushing: string[];
  /** A response's maker died with the process it ran in: there will be no more of it than there is. */
  #orphaned: boolean;
  #link: DownlinkLink | undefined;
  /** When the speaker will have played all that was sent, as well as it is known here. */
  #busyUntilMs = 0;
  #roomWaiters: (() => void)[] = [];

  constructor(options: DownlinkOptions) {
    this.#options = options;
    this.#ticksPerFrame = FRAME_TICKS_OF[options.codec];
    this.#frames = new FrameQueue(options.firstFrame, options.frames);
    this.#sent = options.firstFrame - 1;
    // Not `firstFrame`: what was acknowledged is no longer held here, but may wait in the phone for seconds.
    this.#queueBegins = options.record.queueBegins ?? options.record.firstSequence;
    this.#playedSeq = this.#queueBegins;
    this.#flushing = [...options.record.flushing];
    this.#responses = options.record.responses.map((response) => ({
      id: response.id,
      firstSeq: response.firstSeq,
      lastSeq: response.lastSeq,
      startSent: true,
      endSent: false,
    }));
    this.#orphaned = options.record.responses.some((response) => response.lastSeq === undefined);
  }

  record(): DownlinkRecord {
    const { ssrc, firstSequence, firstTimestamp } = this.#options.record;
    return {
      ssrc,
      firstSequence,
      firstTimestamp,
      queueBegins: this.#queueBegins,
      responses: this.#responses.map(asRecord),
      flushing: [...this.#flushing],
    };
  }

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
    this.#settleOrphans();
    this.#release(rxSeq);
    this.#played(playedTs);
    this.#link = link;
    announce(this.#sent + 1);
    for (const id of this.#flushing) link.message({ type: 'flush', id });
    for (const response of this.#responses) this.#renew(response, link);
    this.#busyUntilMs = this.#options.clock.now() + this.#aheadMs();
    this.#pump();
  }

  /** @throws {ProtocolError} bad-message: the device acknowledges what was not sent */
  acknowledge(rxSeq: number, playedTs: number | undefined): void {
    if (rxSeq > this.#sent)
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
    this.#release(this.#sent);
    this.#playedSeq = Math.max(this.#playedSeq, this.#sent + 1 - aheadMs / FRAME_MS);
    this.#pump();
  }

  /** A new response; its frames stand after those of the one before. */
  begin(id: string): void {
    this.#responses.push({ id, firstSeq: this.#frames.next, lastSeq: undefined, startSent: false, endSent: false });
    if (this.#responses.length > MAX_RESPONSES) this.#responses.shift();
    this.#options.changed();
  }

  append(id: string, frame: Uint8Array): void {
    if (this.#find(id) === undefined) return;
    this.#options.log.append(this.#frames.push(frame), frame);
    this.#pump();
  }

  /** All of the response has been appended. One without a frame leaves no trace. */
  end(id: string): void {
    const response = this.#find(id);
    if (response === undefined) return;
    response.lastSeq = this.#frames.next - 1;
    if (response.lastSeq < response.firstSeq) this.#forget(id);
    this.#options.changed();
    this.#pump();
  }

  /** False when as much is held as may be; `whenRoom` then resolves once a frame was released. */
  get hasRoom(): boolean {
    return this.#frames.length * FRAME_MS < this.#options.maxHeldMs;
  }

  whenRoom(): Promise<void> {
    if (this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** True while the patient hears the assistant, or is about to. */
  get speaking(): boolean {
    return this.#frames.next > this.#sent + 1 || this.#options.clock.now() < this.#busyUntilMs;
  }

  /**
   * The patient speaks: every response that is not known to have been heard to its end stops, sent or not.
   * @returns each with what had been heard of it by the last word from the device
   */
  flush(): StoppedResponse[] {
    const stopped = this.#responses.map((response) => ({ id: response.id, playedMs: this.#playedMs(response) }));
    for (const response of this.#responses) {
      if (!response.startSent) continue;
      this.#flushing.push(response.id);
      this.#link?.message({ type: 'flush', id: response.id });
    }
    if (this.#flushing.length > MAX_RESPONSES) this.#flushing.splice(0, this.#flushing.length - MAX_RESPONSES);
    this.#responses = [];
    this.#frames.clear(this.#sent + 1);
    this.#options.log.clear(this.#sent + 1);
    this.#queueBegins = this.#sent + 1;
    this.#playedSeq = this.#queueBegins;
    this.#busyUntilMs = 0;
    this.#wakeWriters();
    if (stopped.length > 0) this.#options.changed();
    return stopped;
  }

  /** The device played (or threw away) all there was of this response. */
  settled(id: string): void {
    this.#flushing = this.#flushing.filter((flushed) => flushed !== id);
    const response = this.#find(id);
    if (response?.lastSeq !== undefined && response.lastSeq <= this.#sent) this.#forget(id);
  }

  close(): void {
    this.#link = undefined;
    this.#responses = [];
    this.#frames.clear(this.#frames.next);
    this.#wakeWriters();
  }

  get heldFrames(): number {
    return this.#frames.length;
  }

  #pump(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#endSent(link);
    while (this.#sent + 1 < this.#frames.next && this.#aheadMs() + FRAME_MS <= this.#options.maxQueueMs) {
      this.#sendNext(link);
      this.#endSent(link);
    }
  }

  #sendNext(link: DownlinkLink): void {
    const sequence = this.#sent + 1;
    const response = this.#responseOf(sequence);
    if (response !== undefined && !response.startSent) {
      response.startSent = true;
      link.message({ type: 'response.start', id: response.id, firstSeq: response.firstSeq });
    }
    link.frame(this.#frames.at(sequence)!, () => this.#packet(sequence, response?.firstSeq === sequence));
    this.#sent = sequence;
    const now = this.#options.clock.now();
    this.#busyUntilMs = Math.max(now, this.#busyUntilMs) + FRAME_MS;
    this.#options.stats.framesSent++;
  }

  #packet(sequence: ExtendedSequence, marker: boolean): Uint8Array {
    return writePacket({
      payloadType: PAYLOAD_TYPE_OF[this.#options.codec],
      marker,
      sequence: wireSequence(sequence),
      timestamp: this.#timestamp(sequence) % 2 ** 32,
      ssrc: this.#options.record.ssrc,
      payload: this.#frames.at(sequence)!,
    });
  }

  #endSent(link: DownlinkLink): void {
    for (const response of this.#responses) {
      if (response.endSent || response.lastSeq === undefined || response.lastSeq > this.#sent) continue;
      response.endSent = true;
      const durationMs = (response.lastSeq - response.firstSeq + 1) * FRAME_MS;
      link.message({ type: 'response.end', id: response.id, lastSeq: response.lastSeq, durationMs });
    }
  }

  /** Says again what may have been lost; the device takes a repetition as none. */
  #renew(response: Response, link: DownlinkLink): void {
    response.endSent = false;
    const empty = response.lastSeq !== undefined && response.lastSeq < response.firstSeq;
    response.startSent = response.startSent && (empty || response.firstSeq <= this.#sent);
    const receivedWhole = !empty && response.lastSeq !== undefined && response.lastSeq <= this.#sent;
    if (!response.startSent || receivedWhole) return;
    link.message({ type: 'response.start', id: response.id, firstSeq: response.firstSeq });
  }

  #rewind(rxSeq: number): void {
    if (rxSeq >= this.#frames.next + MAX_SEQUENCE_JUMP) {
      throw new ProtocolError('sequence-jump', 'hello: field "resume.rxSeq" names a frame that was never made');
    }
    if (rxSeq >= this.#frames.next) this.#adopt(rxSeq);
    this.#options.stats.framesReplayed += Math.max(0, this.#sent - Math.max(rxSeq, this.#frames.first - 1));
    this.#sent = Math.max(rxSeq, this.#frames.first - 1);
  }

  /**
   * The device has more than we hold: a process that died sent frames whose record did not reach the store. What is
   * held lies behind the device, so numbers go on after its last.
   */
  #adopt(rxSeq: number): void {
    this.#frames.clear(rxSeq + 1);
    this.#options.log.clear(rxSeq + 1);
  }

  /** Only now is known what the device has of them. */
  #settleOrphans(): void {
    if (!this.#orphaned) return;
    this.#orphaned = false;
    for (const response of this.#responses) response.lastSeq ??= this.#frames.next - 1;
  }

  #release(rxSeq: number): void {
    if (rxSeq < this.#frames.first) return;
    this.#frames.release(rxSeq);
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
    const { firstSequence, firstTimestamp } = this.#options.record;
    const place = firstSequence + (playedTs - firstTimestamp) / this.#ticksPerFrame;
    this.#playedSeq = Math.min(Math.max(this.#playedSeq, place), this.#sent + 1);
  }

  #timestamp(sequence: ExtendedSequence): number {
    const { firstSequence, firstTimestamp } = this.#options.record;
    return firstTimestamp + (sequence - firstSequence) * this.#ticksPerFrame;
  }

  #aheadMs(): number {
    return Math.max(0, (this.#sent + 1 - this.#playedSeq) * FRAME_MS);
  }

  #playedMs(response: Response): number {
    const end = (response.lastSeq ?? this.#sent) + 1;
    return Math.max(0, (Math.min(this.#playedSeq, end) - response.firstSeq) * FRAME_MS);
  }

  #responseOf(sequence: ExtendedSequence): Response | undefined {
    return this.#responses.findLast((response) => response.firstSeq <= sequence);
  }

  #find(id: string): Response | undefined {
    return this.#responses.find((response) => response.id === id);
  }

  #forget(id: string): void {
    this.#responses = this.#responses.filter((response) => response.id !== id);
  }
}

interface Response {
  readonly id: string;
  readonly firstSeq: ExtendedSequence;
  lastSeq: ExtendedSequence | undefined;
  startSent: boolean;
  endSent: boolean;
}

/** Responses the device has not said it played. More means that it never says so; the oldest are then forgotten. */
const MAX_RESPONSES = 32;

function asRecord(response: Response): ResponseRecord {
  const { id, firstSeq, lastSeq } = response;
  return lastSeq === undefined ? { id, firstSeq } : { id, firstSeq, lastSeq };
}
