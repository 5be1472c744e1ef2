import type { Clock } from '../../../common/src/time/clock.ts';
import type { CodecName, EndReason } from '../../../protocol/src/index.ts';
import type { MicrophoneReading } from '../audio/ports.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { DownlinkStatistics } from '../downlink.ts';

/** What is written when a conversation is over: numbers, never words. Times are ms since `startedAt`. */
export interface CallReport {
  readonly conversationId: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly endReason: EndReason;
  readonly codec: CodecName | null;
  readonly frames: FrameCounters;
  /** Frames for the speaker that were not played, and why; prompts spoken. */
  readonly downlink: DownlinkStatistics;
  readonly turns: readonly Turn[];
  readonly reconnects: readonly Reconnect[];
  /** Messages that broke a rule of the protocol, by fault. */
  readonly faults: Readonly<Record<string, number>>;
  /** Messages of types this version does not know. */
  readonly unknownMessages: number;
  /** How the microphone was, where a card was open. */
  readonly microphone?: MicrophoneReading;
}

/** One answer, from the patient's last word to the first sound of it. */
export interface Turn {
  readonly speechEndMs: number;
  readonly firstAudioMs: number;
  readonly latencyMs: number;
  /** The server's stages, ms from the end of the patient's speech. */
  readonly stages?: Readonly<Record<string, number>>;
}

export interface Reconnect {
  /** When the link was lost. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly attempts: number;
  readonly resumed: boolean;
}

/** Bounds what an endless call can pile up; the newest are kept. */
const MAX_ENTRIES = 2_000;

/** Collects one call's report. */
export class CallLog {
  readonly #clock: Clock;
  #startMs: number;
  #startedAt: string;
  readonly #turns: Turn[] = [];
  readonly #reconnects: Reconnect[] = [];
  readonly #faults = new Map<string, number>();
  #unknownMessages = 0;
  readonly #pending = new Map<
    string,
    { speechEndMs?: number; stages?: Record<string, number>; firstAudioMs?: number }
  >();
  #outage: { atMs: number; attempts: number } | undefined;
  conversationId: string | null = null;
  codec: CodecName | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.now();
    this.#startedAt = new Date(clock.wallTime()).toISOString();
  }

  /** Dialling starts: a call that was made ready hours before lasts from here on. */
  begin(): void {
    this.#startMs = this.#clock.now();
    this.#startedAt = new Date(this.#clock.wallTime()).toISOString();
  }

  /** ms since the call began. */
  at(clockMs: number): number {
    return Math.round((clockMs - this.#startMs) * 10) / 10;
  }

  /** The server's account of the turn that response `id` answers. */
  timing(id: string, speechEndClockMs: number | undefined, stages: Record<string, number>): Turn | undefined {
    const entry = this.#entry(id);
    if (speechEndClockMs !== undefined) entry.speechEndMs = this.at(speechEndClockMs);
    entry.stages = stages;
    return this.#complete(id);
  }

  /** The first sample of response `id` left the speaker. */
  firstAudio(id: string, clockMs: number): Turn | undefined {
    this.#entry(id).firstAudioMs = this.at(clockMs);
    return this.#complete(id);
  }

  fault(name: string): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
  }

  unknownMessage(): void {
    this.#unknownMessages++;
  }

  lost(): void {
    this.#outage ??= { atMs: this.at(this.#clock.now()), attempts: 0 };
  }

  attempted(): void {
    if (this.#outage) this.#outage.attempts++;
  }

  /** @returns how long the outage was, when there was one */
  back(resumed: boolean): number | undefined {
    const outage = this.#outage;
    if (outage === undefined) return undefined;
    this.#outage = undefined;
    const durationMs = this.at(this.#clock.now()) - outage.atMs;
    push(this.#reconnects, { atMs: outage.atMs, durationMs, attempts: outage.attempts, resumed });
    return durationMs;
  }

  finish(endReason: EndReason, frames: FrameCounters, downlink: DownlinkStatistics): CallReport {
    this.back(false);
    return {
      conversationId: this.conversationId,
      startedAt: this.#startedAt,
      durationMs: this.at(this.#clock.now()),
      endReason,
      codec: this.codec,
      frames: { ...frames },
      downlink,
      turns: this.#turns,
      reconnects: this.#reconnects,
      faults: Object.fromEntries(this.#faults),
      unknownMessages: this.#unknownMessages,
    };
  }

  #entry(id: string): { speechEndMs?: number; stages?: Record<string, number>; firstAudioMs?: number } {
    let entry = this.#pending.get(id);
    if (entry === undefined) {
      entry = {};
      this.#pending.set(id, entry);
      // A response without `timing` (the greeting) waits here for ever otherwise.
      if (this.#pending.size > 16) this.#pending.delete(this.#pending.keys().next().value!);
    }
    return entry;
  }

  /** Either half may come first: the answer's first frame overtakes its `timing` now and then. */
  #complete(id: string): Turn | undefined {
    const entry = this.#pending.get(id);
    if (entry?.speechEndMs === undefined || entry.firstAudioMs === undefined) return undefined;
    this.#pending.delete(id);
    const turn: Turn = {
      speechEndMs: entry.speechEndMs,
      firstAudioMs: entry.firstAudioMs,
      latencyMs: Math.round((entry.firstAudioMs - entry.speechEndMs) * 10) / 10,
      ...(entry.stages && { stages: entry.stages }),
    };
    push(this.#turns, turn);
    return turn;
  }
}

function push<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MAX_ENTRIES) list.shift();
}
