import { FRAME_MS, FRAME_SAMPLES, type ExtendedSequence } from '../../../protocol/src/index.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import { DelayEstimator } from './delay-estimator.ts';
import { JitterQueue, type Inserted, type QueuedPacket } from './jitter-queue.ts';
import type { Ladder, Rung } from '../../../common/src/concealment/ladder.ts';
import type { Playout, Rendered } from './playout.ts';
import { QuietWatch } from './quiet-watch.ts';
import { SampleBuffer } from './sample-buffer.ts';
import { SpurtWatch } from './spurt-watch.ts';
import { accelerate, expand } from './time-stretch.ts';

export interface LivePlayoutOptions {
  readonly ladder: Ladder;
  readonly counters: FrameCounters;
  /** Of one frame, in the codec's RTP clock. */
  readonly frameTicks: number;
  readonly capacityFrames: number;
}

export interface LiveStatistics {
  readonly targetMs: number;
  readonly acceleratedSamples: number;
  readonly expandedSamples: number;
  /** From arrival to being decoded: packets, and the sum over them, ms. */
  readonly waited: number;
  readonly waitMs: number;
}

/**
 * How far off its target the delay may be before a quiet frame, and before speech, is stretched. The delay
 * moves in steps of one frame, so there is a frame between too little and too much.
 */
const QUIET_SHORT_MS = 5;
const SPEECH_SHORT_MS = 20;
/** And of a small target no more than this share. */
const SHORT_SHARE = 0.5;
const QUIET_LONG_MS = FRAME_MS;
const SPEECH_LONG_MS = FRAME_MS + 5;
/** With less than this share of the delay in the queue, but for a frame and a bit of jitter, a stall is on: play slower. */
const LOW_SHARE = 0.65;
const LOW_SLACK_MS = FRAME_MS + 6;
/** So far over its target, a stall has just passed: catch up. */
const FAR_OVER_MS = 130;
/** Of frames of speech, at most every second is stretched to move the delay; in a stall and after it, each. */
const SPEECH_STRETCH_EVERY = 2;
/** Dry for longer than concealment lasts: begin again with a pre-roll. */
const DRY_FRAMES = 6;
/** Dry for longer than this: the far end stopped. */
const PAUSE_FRAMES = 50;
/** A gap longer than a second is leapt over. */
const LONGEST_GAP_FRAMES = 50;

type Source = 'frame' | 'lost' | 'late' | 'nothing';

/**
 * Plays sound that comes as it is made: the delay follows the arrivals. What is between the packets and the
 * speaker is a few samples of decoded sound; each frame on its way into it may be shortened or stretched, in
 * silence first.
 */
export class LivePlayout implements Playout {
  readonly #ladder: Ladder;
  readonly #counters: FrameCounters;
  readonly #frameTicks: number;
  readonly #queue: JitterQueue;
  readonly #estimator = new DelayEstimator();
  readonly #spurt = new SpurtWatch(this.#estimator);
  readonly #quiet = new QuietWatch();
  readonly #decoded = new SampleBuffer(4 * FRAME_SAMPLES);

  #next: ExtendedSequence | undefined;
  #playedTimestamp = 0;
  /** Frames in a row that were only late. */
  #dryFrames = PAUSE_FRAMES;
  #sinceStretch = 0;
  #rung: Rung = 'comfort-noise';
  readonly #statistics = { acceleratedSamples: 0, expandedSamples: 0, waitMs: 0, waited: 0 };

  constructor(options: LivePlayoutOptions) {
    this.#ladder = options.ladder;
    this.#counters = options.counters;
    this.#frameTicks = options.frameTicks;
    this.#queue = new JitterQueue(options.capacityFrames);
  }

  get queuedMs(): number {
    return this.#queue.length * FRAME_MS + (this.#decoded.length * FRAME_MS) / FRAME_SAMPLES;
  }

  get playedTimestamp(): number {
    return this.#playedTimestamp;
  }

  get statistics(): LiveStatistics {
    return { targetMs: this.#estimator.targetMs, ...this.#statistics };
  }

  insert(packet: QueuedPacket): Inserted {
    const inserted = this.#queue.insert(packet);
    if (inserted !== 'queued') return inserted;
    this.#spurt.arrived(packet.sequence * FRAME_MS, packet.arrivedMs);
    return inserted;
  }

  ready(nowMs: number): boolean {
    const source = this.#source(nowMs);
    return source === 'frame' || source === 'lost';
  }

  render(nowMs: number): Rendered {
    let state: Rendered['state'] = 'flowing';
    while (this.#decoded.length < FRAME_SAMPLES) {
      const source = this.#source(nowMs);
      if (source === 'late') state = 'waiting';
      if (source === 'nothing') state = 'idle';
      this.#decoded.push(this.#samplesOf(source, nowMs));
      this.#rung = this.#ladder.rung;
    }
    const samples = new Int16Array(FRAME_SAMPLES);
    this.#decoded.shift(samples);
    return { samples, rung: this.#rung, state };
  }

  #source(nowMs: number): Source {
    const head = this.#queue.head;
    if (head === undefined) return this.#dryFrames < PAUSE_FRAMES ? 'late' : 'nothing';
    if (this.#dryFrames >= DRY_FRAMES && !this.#prerolled(head, nowMs))
      return this.#dryFrames < PAUSE_FRAMES ? 'late' : 'nothing';
    const gap = this.#next === undefined || this.#dryFrames >= PAUSE_FRAMES ? 0 : head.sequence - this.#next;
    return gap <= 0 || gap > LONGEST_GAP_FRAMES ? 'frame' : 'lost';
  }

  #prerolled(head: QueuedPacket, nowMs: number): boolean {
    const { targetMs } = this.#estimator;
    return nowMs - head.arrivedMs >= targetMs || this.#queue.length * FRAME_MS > targetMs;
  }

  #samplesOf(source: Source, nowMs: number): Int16Array {
    switch (source) {
      case 'frame': {
        this.#dryFrames = 0;
        const packet = this.#queue.shift()!;
        this.#passed(packet.sequence + 1);
        this.#statistics.waitMs += nowMs - packet.arrivedMs;
        this.#statistics.waited++;
        this.#playedTimestamp = packet.timestamp + this.#frameTicks;
        return this.#stretched(this.#ladder.received(packet.payload), packet, nowMs);
      }
      case 'lost': {
        const head = this.#queue.head!;
        const following = head.sequence === this.#next! + 1 ? head.payload : undefined;
        this.#passed(this.#next! + 1);
        return this.#ladder.missing(following);
      }
      case 'late':
        if (this.#dryFrames++ === 0) this.#counters.underrun++;
        return this.#ladder.stalled();
      case 'nothing':
        return this.#ladder.idle();
    }
  }

  #passed(next: ExtendedSequence): void {
    this.#next = next;
    this.#queue.advance(next);
  }

  /** Moves the delay towards its target by making this frame shorter or longer. */
  #stretched(frame: Int16Array, packet: QueuedPacket, nowMs: number): Int16Array {
    this.#sinceStretch++;
    if (!this.#spurt.decided) return frame;
    const quiet = this.#quiet.isQuiet(frame);
    const delayMs = nowMs - packet.sequence * FRAME_MS - this.#estimator.baseMs;
    const { targetMs } = this.#estimator;
    const excessMs = delayMs - targetMs;
    const shortMs = Math.min(quiet ? QUIET_SHORT_MS : SPEECH_SHORT_MS, SHORT_SHARE * targetMs);
    if (this.#spurt.lead === 'kept' && excessMs < QUIET_LONG_MS)
      this.#spurt.forgetLead(packet.arrivedMs - packet.sequence * FRAME_MS);
    const stalled = this.#queue.length * FRAME_MS < LOW_SHARE * delayMs - LOW_SLACK_MS;
    const farOver = excessMs > FAR_OVER_MS;
    if (!quiet && !stalled && !farOver && this.#sinceStretch < SPEECH_STRETCH_EVERY) return frame;
    let result = frame;
    if (stalled || excessMs < -shortMs) result = expand(frame, { quiet, hurry: stalled });
    else if (excessMs > (quiet ? QUIET_LONG_MS : SPEECH_LONG_MS) && this.#mayHurry(quiet))
      result = accelerate(frame, { quiet, hurry: farOver });
    this.#count(result.length - frame.length);
    return result;
  }

  /** A lead that may be the sender's own is worked off where nobody hears it, or not at all. */
  #mayHurry(quiet: boolean): boolean {
    return this.#spurt.lead === 'none' || (this.#spurt.lead === 'kept' && quiet);
  }

  #count(added: number): void {
    if (added === 0) return;
    this.#sinceStretch = 0;
    if (added > 0) this.#statistics.expandedSamples += added;
    else this.#statistics.acceleratedSamples -= added;
  }
}
