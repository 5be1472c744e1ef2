import {
  FRAME_MS,
  FRAME_TICKS_OF,
  DEFAULT_MAX_QUEUE_MS,
  MAX_QUEUE_LIMIT_MS,
  SAMPLE_RATE,
} from '../../protocol/src/index.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { CodecName, ExtendedSequence } from '../../protocol/src/index.ts';
import type { Decoder } from '../../common/src/codec/ports.ts';
import { LearnedComfortNoise, type ComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { QueuedPacket } from './playout/jitter-queue.ts';
import { Ladder, type Rung } from '../../common/src/concealment/ladder.ts';
import { LivePlayout } from './playout/live-playout.ts';
import { LossMeter } from './playout/loss-meter.ts';
import type { Playout } from './playout/playout.ts';
import { Announcements, type Situation } from './playout/announcements.ts';
import { PromptPlayer, type PromptKind, type PromptSource } from './playout/prompts.ts';
import { ResponsePlayout, type PlaybackEvent } from './playout/response-playout.ts';

export type { PlaybackEvent } from './playout/response-playout.ts';

/*
 * The downlink:
 *
 *     transport → packet → jitter queue → decode | recover | conceal | comfort noise → speaker
 *     receive()            Playout        Ladder                                       render()
 *
 * The transport pushes packets in, the speaker pulls frames out; the sound card is the only clock.
 */

export interface DownlinkOptions {
  /** A fresh decoder; the downlink closes it. */
  decoderFor(codec: CodecName): Decoder;
  readonly random: Random;
  readonly counters: FrameCounters;
  readonly prompts: PromptSource;
  /** Whether somebody may be listening to prompts; always, when absent. */
  readonly attended?: (() => boolean) | undefined;
  onPlayback(event: PlaybackEvent): void;
  /** The most that is queued, ms; the server is told the same number in `hello`. */
  readonly maxQueueMs?: number;
  /** Simulations replace it by a cheaper one. */
  readonly comfortNoise?: ComfortNoise;
  /** Told of every frame rendered: for pictures and measurements. */
  onRung?(rung: Rung | 'prompt', state: 'flowing' | 'waiting' | 'idle'): void;
  /** `render` met an error: a defect, and the speaker got comfort noise. */
  onFault?(error: unknown, what: RenderFault): void;
}

/** What was done about it: nothing yet; a new decoder and queue; or the queue was given up, and only prompts are heard. */
export type RenderFault = 'noise' | 'rebuilt' | 'given-up';

/** Frames that failed with none of the far end's heard between: half a second of noise, and the stream begins anew; another, and it is given up. */
const REBUILD_AFTER = 25;
const GIVE_UP_AFTER = 50;

/** How far over `maxQueueMs` the server's idea of the queue may be off before frames are refused. */
const QUEUE_SLACK_MS = 2_000;
/** What the downlink counts beside the frames of a call report. */
export interface DownlinkStatistics {
  /** Frames over the queue's bound. */
  readonly refused: number;
  /** Frames of a response that had been flushed. */
  readonly flushed: number;
  /** Payloads the decoder refused. */
  readonly garbage: number;
  readonly prompts: number;
  /** Errors that `render` kept from the speaker; anything but 0 is a bug. */
  readonly faults: number;
}

export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #ladder: Ladder;
  readonly #loss = new LossMeter();
  #decoder: Decoder | undefined;
  /** One of the two, by how the server sends. */
  #playout: Playout | undefined;
  #responses: ResponsePlayout | undefined;

  #prompt: PromptPlayer | undefined;
  /** Waits for the prompt before it to fade. */
  #nextPrompt: PromptPlayer | undefined;
  readonly #announcements: Announcements;
  #failed = 0;
  #started: { readonly codec: CodecName; readonly live: boolean } | undefined;
  readonly #statistics = { refused: 0, flushed: 0, prompts: 0, faults: 0 };

  constructor(options: DownlinkOptions) {
    this.#options = options;
    this.#announcements = new Announcements(options);
    const comfortNoise = options.comfortNoise ?? new LearnedComfortNoise(options.random);
    this.#ladder = new Ladder({ comfortNoise, counters: options.counters });
  }

  /**
   * The conversation is up: a new stream begins, and whatever was queued of an older one is dropped.
   * @param live frames come as they are spoken, with no word of what they belong to (raw framing): the delay
   *   follows their arrival. Otherwise responses are sent ahead.
   */
  start(codec: CodecName, live = false): void {
    this.#started = { codec, live };
    const decoder = this.#options.decoderFor(codec);
    this.#ladder.use(decoder);
    this.#decoder?.close();
    this.#decoder = decoder;
    this.#loss.reset();
    // A server of raw frames was never told a limit.
    const capacityMs = live ? MAX_QUEUE_LIMIT_MS : (this.#options.maxQueueMs ?? DEFAULT_MAX_QUEUE_MS) + QUEUE_SLACK_MS;
    const common = {
      ladder: this.#ladder,
      counters: this.#options.counters,
      frameTicks: FRAME_TICKS_OF[codec],
      capacityFrames: Math.ceil(capacityMs / FRAME_MS),
    };
    this.#responses = live ? undefined : new ResponsePlayout({ ...common, onPlayback: this.#options.onPlayback });
    this.#playout = this.#responses ?? new LivePlayout(common);
  }

  /** One packet, on time, late, again or out of order. `payload` is copied: it may be part of a larger buffer. */
  receive(sequence: ExtendedSequence, timestamp: number, marker: boolean, payload: Uint8Array, nowMs: number): void {
    if (this.#playout === undefined) return;
    const packet: QueuedPacket = { sequence, timestamp, marker, payload: new Uint8Array(payload), arrivedMs: nowMs };
    const { counters } = this.#options;
    counters.received++;
    const inserted = this.#playout.insert(packet);
    if (inserted === 'late') counters.late++;
    if (inserted === 'duplicate') counters.duplicate++;
    if (inserted === 'refused') this.#statistics.refused++;
    if (inserted === 'flushed') this.#statistics.flushed++;
    if (inserted !== 'duplicate' && inserted !== 'refused') this.#loss.arrived(sequence, marker);
  }

  responseStart(id: string, firstSequence: ExtendedSequence): void {
    this.#loss.expectFrom(firstSequence);
    this.#responses?.start(id, firstSequence);
  }

  responseEnd(id: string, lastSequence: ExtendedSequence): void {
    this.#responses?.end(id, lastSequence);
  }

  /** Takes effect with the next frame rendered. */
  flush(id: string): void {
    this.#responses?.flush(id);
  }

  /** Why no conversation is live, which decides what the phone says; `undefined`: it is. The queue plays on meanwhile. */
  situation(situation: Situation | undefined): void {
    this.#announcements.enter(situation);
  }

  /**
   * Speaks a prompt now, to its end; the queue waits.
   * @returns how long until it has been spoken, ms
   */
  announce(kind: PromptKind): number {
    const clip = this.#options.prompts.next(kind);
    if (clip === undefined) return 0;
    const player = new PromptPlayer(clip, true);
    const ownMs = (clip.length / SAMPLE_RATE) * 1_000;
    if (this.#prompt === undefined) {
      this.#prompt = player;
      return ownMs;
    }
    const { yieldMs } = this.#prompt;
    this.#prompt.giveWay();
    this.#nextPrompt = player;
    return yieldMs + ownMs;
  }

  /** A prompt is being spoken. */
  get announcing(): boolean {
    return this.#prompt !== undefined;
  }

  /** The speaker pulls its next 20 ms: always 320 samples, never an error. */
  render(into: Int16Array, nowMs: number): void {
    try {
      into.set(this.#nextFrame(nowMs));
      // Waiting for the queue to fill is no proof of anything.
      if (this.#ladder.rung === 'received') this.#failed = 0;
    } catch (error) {
      // Nothing here is expected to throw; if it does, the ear gets the line's noise, and whoever wired us is told.
      into.set(this.#ladder.background());
      this.#statistics.faults++;
      this.#options.onFault?.(error, this.#mend());
    }
  }

  ack(): { rxSeq: ExtendedSequence; playedTs: number; queuedMs: number; lossRate: number } {
    return {
      rxSeq: this.#loss.highest,
      playedTs: this.#playout?.playedTimestamp ?? 0,
      queuedMs: this.#playout?.queuedMs ?? 0,
      lossRate: this.#loss.take(),
    };
  }

  /** How much of a response has been rendered, ms; the delay of the speaker behind it is not taken off. */
  playedMsOf(id: string): number {
    return this.#responses?.playedMs(id) ?? 0;
  }

  statistics(): DownlinkStatistics {
    const { garbage, faults } = this.#ladder;
    return { ...this.#statistics, garbage, faults: this.#statistics.faults + faults };
  }

  /** Nothing is played any more; `render` goes on with comfort noise. */
  close(): void {
    this.#ladder.use(undefined);
    this.#decoder?.close();
    this.#decoder = undefined;
    this.#playout = undefined;
    this.#responses = undefined;
  }

  /** An error that comes again with every frame would be noise for the whole call. */
  #mend(): RenderFault {
    this.#failed++;
    const started = this.#started;
    if (this.#failed === REBUILD_AFTER && started !== undefined) {
      this.start(started.codec, started.live);
      return 'rebuilt';
    }
    if (this.#failed !== GIVE_UP_AFTER) return 'noise';
    this.#playout = undefined;
    this.#responses = undefined;
    this.#prompt = undefined;
    return 'given-up';
  }

  #nextFrame(nowMs: number): Int16Array {
    if (this.#prompt !== undefined) return this.#promptFrame(this.#prompt, nowMs);
    const rendered = this.#playout?.render(nowMs);
    const state = rendered?.state ?? 'idle';
    const clip = this.#announcements.next(state);
    if (clip !== undefined) this.#speak(clip);
    const samples = rendered?.samples ?? this.#ladder.idle();
    this.#options.onRung?.(this.#ladder.rung, state);
    return samples;
  }

  #promptFrame(prompt: PromptPlayer, nowMs: number): Int16Array {
    if (this.#playout?.ready(nowMs)) prompt.giveWay();
    const frame = this.#ladder.background();
    prompt.mixInto(frame);
    if (prompt.done) {
      this.#prompt = this.#nextPrompt;
      this.#nextPrompt = undefined;
    }
    this.#options.onRung?.('prompt', 'idle');
    return frame;
  }

  #speak(clip: Int16Array): void {
    this.#statistics.prompts++;
    this.#prompt = new PromptPlayer(clip, false);
  }
}
