import { FRAME_MS, type ExtendedSequence } from '../../../protocol/src/index.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import { JitterQueue, type Inserted, type QueuedPacket } from './jitter-queue.ts';
import type { Ladder } from '../../../common/src/concealment/ladder.ts';
import type { Playout, Rendered } from './playout.ts';
import { ResponseBook, type ResponseRecord } from './responses.ts';

export interface PlaybackEvent {
  readonly id: string;
  readonly state: 'started' | 'finished' | 'flushed';
  readonly playedMs: number;
}

export interface ResponsePlayoutOptions {
  readonly ladder: Ladder;
  readonly counters: FrameCounters;
  /** Of one frame, in the codec's RTP clock. */
  readonly frameTicks: number;
  readonly capacityFrames: number;
  onPlayback(event: PlaybackEvent): void;
}

/** Before the first frame of a response, and after a stall: two frames in hand, or this long since the first. */
const PREROLL_FRAMES = 2;
const PREROLL_MS = 40;
/** A gap in the numbers, or a pause in the timestamps, is kept in place up to 1 s; beyond that nobody waits. */
const LONGEST_GAP_FRAMES = 50;

type Slot = 'play' | 'lost' | 'pause' | 'wait' | 'idle';

/**
 * Plays responses that are sent ahead. Every frame that was not flushed is played once, in order, at normal
 * speed. A late frame (TCP stalled) is waited for, and the response goes on with it; a gap in the sequence
 * numbers inside a response (the sender shed it) is loss, and is filled in its place.
 */
export class ResponsePlayout implements Playout {
  readonly #ladder: Ladder;
  readonly #counters: FrameCounters;
  readonly #frameTicks: number;
  readonly #onPlayback: (event: PlaybackEvent) => void;
  readonly #queue: JitterQueue;
  readonly #book = new ResponseBook();

  /** The next frame to be played; `undefined` until the first. */
  #next: ExtendedSequence | undefined;
  /** Timestamp of that frame. */
  #timestamp: number | undefined;
  #playedTimestamp = 0;
  #highest: ExtendedSequence = -1;
  #flowing = false;

  constructor(options: ResponsePlayoutOptions) {
    this.#ladder = options.ladder;
    this.#counters = options.counters;
    this.#frameTicks = options.frameTicks;
    this.#onPlayback = options.onPlayback;
    this.#queue = new JitterQueue(options.capacityFrames);
  }

  get queuedMs(): number {
    return this.#queue.length * FRAME_MS;
  }

  get playedTimestamp(): number {
    return this.#playedTimestamp;
  }

  playedMs(id: string): number {
    return this.#book.playedMs(id);
  }

  insert(packet: QueuedPacket): Inserted | 'flushed' {
    if (this.#book.isFlushed(packet.sequence)) {
      this.#passOver(packet);
      return 'flushed';
    }
    const inserted = this.#queue.insert(packet);
    if (inserted === 'queued') this.#highest = Math.max(this.#highest, packet.sequence);
    return inserted;
  }

  start(id: string, firstSequence: ExtendedSequence): void {
    this.#book.start(id, firstSequence, this.#highest);
    this.#settle();
  }

  end(id: string, lastSequence: ExtendedSequence): void {
    this.#book.end(id, lastSequence);
    this.#settle();
  }

  flush(id: string): void {
    const record = this.#book.flush(id);
    if (record === undefined) return;
    const from = Math.max(record.firstSequence, this.#next ?? record.firstSequence);
    const to = record.lastSequence ?? Number.POSITIVE_INFINITY;
    const last = this.#queue.last;
    if (last !== undefined && last.sequence >= from && last.sequence <= to) this.#passOver(last);
    this.#queue.drop(from, to);
    this.#flowing = false;
    this.#emit(record, 'flushed');
    this.#settle();
  }

  ready(nowMs: number): boolean {
    const slot = this.#slot(nowMs);
    return slot !== 'wait' && slot !== 'idle';
  }

  render(nowMs: number): Rendered {
    const slot = this.#slot(nowMs);
    const samples = this.#samplesOf(slot);
    const flowing = slot !== 'wait' && slot !== 'idle';
    if (slot === 'wait' && this.#flowing) this.#counters.underrun++;
    this.#flowing = flowing;
    if (flowing) this.#passed();
    return { samples, rung: this.#ladder.rung, state: flowing ? 'flowing' : slot === 'wait' ? 'waiting' : 'idle' };
  }

  #samplesOf(slot: Slot): Int16Array {
    switch (slot) {
      case 'play': {
        const packet = this.#queue.shift()!;
        this.#take(packet.sequence + 1, packet.timestamp + this.#frameTicks);
        return this.#ladder.received(packet.payload);
      }
      case 'lost': {
        const head = this.#queue.head;
        const following = head?.sequence === this.#next! + 1 ? head.payload : undefined;
        this.#take(this.#next! + 1, this.#timestamp === undefined ? undefined : this.#timestamp + this.#frameTicks);
        return this.#ladder.missing(following);
      }
      case 'pause':
        this.#timestamp! += this.#frameTicks;
        return this.#ladder.idle();
      case 'wait':
        return this.#ladder.stalled();
      case 'idle':
        return this.#ladder.idle();
    }
  }

  #slot(nowMs: number): Slot {
    const head = this.#queue.head;
    const response = this.#book.current;
    if (response === undefined || (head !== undefined && head.sequence < response.firstSequence))
      return this.#slotOutside(head, nowMs);
    if (this.#next === undefined || this.#next < response.firstSequence) this.#jumpTo(response.firstSequence);
    const within = head !== undefined && head.sequence <= (response.lastSequence ?? head.sequence);
    if (within && !this.#prerolled(nowMs, head, response)) return response.state === 'waiting' ? 'idle' : 'wait';
    if (within) return this.#slotAt(head, nowMs);
    if (response.lastSequence !== undefined) return this.#lostOrSkipped(response.lastSequence + 1, nowMs);
    return response.state === 'waiting' ? 'idle' : 'wait';
  }

  /** Frames that no `response.start` announced: played as they are numbered; a marker begins anew. */
  #slotOutside(head: QueuedPacket | undefined, nowMs: number): Slot {
    if (head === undefined) return this.#flowing || this.#ladder.rung === 'concealed' ? 'wait' : 'idle';
    if (!this.#prerolled(nowMs, head, undefined))
      return this.#flowing || this.#ladder.rung === 'concealed' ? 'wait' : 'idle';
    if (this.#next === undefined || head.marker) this.#jumpTo(head.sequence);
    return this.#slotAt(head, nowMs);
  }

  #slotAt(head: QueuedPacket, nowMs: number): Slot {
    if (head.sequence > this.#next!) return this.#lostOrSkipped(head.sequence, nowMs);
    const pauseFrames =
      this.#timestamp === undefined ? 0 : Math.round((head.timestamp - this.#timestamp) / this.#frameTicks);
    // Contiguous numbers with a leap in time: the sender was silent (DTX). Kept in place, not counted as loss.
    if (pauseFrames > 0 && pauseFrames <= LONGEST_GAP_FRAMES) return 'pause';
    return 'play';
  }

  /** A gap up to `sequence`. One too long to be filled is leapt over. */
  #lostOrSkipped(sequence: ExtendedSequence, nowMs: number): Slot {
    if (sequence - this.#next! <= LONGEST_GAP_FRAMES) return 'lost';
    this.#jumpTo(sequence);
    this.#settle();
    return this.#slot(nowMs);
  }

  #prerolled(nowMs: number, head: QueuedPacket, response: ResponseRecord | undefined): boolean {
    if (this.#flowing) return true;
    if (nowMs - head.arrivedMs >= PREROLL_MS) return true;
    if (response?.lastSequence !== undefined && this.#highest >= response.lastSequence) return true;
    return this.#queue.length >= PREROLL_FRAMES;
  }

  #take(next: ExtendedSequence, timestamp: number | undefined): void {
    this.#next = next;
    this.#timestamp = timestamp;
    if (timestamp !== undefined) this.#playedTimestamp = Math.max(this.#playedTimestamp, timestamp);
    this.#queue.advance(next);
  }

  #jumpTo(sequence: ExtendedSequence): void {
    this.#next = sequence;
    this.#timestamp = undefined;
    this.#queue.advance(sequence);
  }

  /** A frame was thrown away by a flush: the sender need not wait for it to be played. */
  #passOver(packet: QueuedPacket): void {
    this.#playedTimestamp = Math.max(this.#playedTimestamp, packet.timestamp + this.#frameTicks);
  }

  /** One slot of the current response was rendered. */
  #passed(): void {
    const response = this.#book.current;
    if (response === undefined || this.#next! <= response.firstSequence) return;
    if (response.state === 'waiting') {
      this.#emit(response, 'started');
      response.state = 'playing';
    }
    response.playedSlots++;
    this.#settle();
  }

  /** Ends what is played to its end. */
  #settle(): void {
    for (;;) {
      const response = this.#book.current;
      if (response?.lastSequence === undefined) return;
      if (
        response.lastSequence >= response.firstSequence &&
        (this.#next === undefined || this.#next <= response.lastSequence)
      )
        return;
      this.#book.finish(response);
      this.#flowing = false;
      // However far the sender's clock went between two responses: that pause is over when the next one comes.
      this.#timestamp = undefined;
      this.#emit(response, 'finished');
    }
  }

  #emit(record: ResponseRecord, state: PlaybackEvent['state']): void {
    this.#onPlayback({ id: record.id, state, playedMs: this.#book.playedMs(record.id) });
  }
}
