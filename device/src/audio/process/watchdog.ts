/** ms. Both directions have their own limit once they run; before that the child has its start to make. */
export interface WatchdogLimits {
  /** From spawn to the first frame of each direction: a cold Node, a scan of the sound cards, a busy Pi. */
  readonly startMs: number;
  readonly captureMs: number;
  readonly playbackMs: number;
}

export const WATCHDOG_LIMITS: WatchdogLimits = { startMs: 4000, captureMs: 200, playbackMs: 300 };

/** A sound server that starts its streams stutters before it runs. For so long … ms */
const SETTLING_MS = 1000;
/** … the limits are this much wider. */
const SETTLING_FACTOR = 3;

export type Stall = 'start' | 'capture' | 'playback';

/**
 * PortAudio that lost its card says nothing: no event, no error, only frames that do not come. So silence on
 * the pipe is the sign. Pure: it is told the time.
 */
export class Watchdog {
  readonly #limits: WatchdogLimits;
  readonly #startMs: number;
  #capturedMs: number | undefined;
  #requestedMs: number | undefined;
  #runningSinceMs: number | undefined;

  constructor(nowMs: number, limits: WatchdogLimits = WATCHDOG_LIMITS) {
    this.#startMs = nowMs;
    this.#limits = limits;
  }

  /** Sound runs in both directions. */
  get running(): boolean {
    return this.#runningSinceMs !== undefined;
  }

  captured(nowMs: number): void {
    this.#capturedMs = nowMs;
    if (this.#requestedMs !== undefined) this.#runningSinceMs ??= nowMs;
  }

  requested(nowMs: number): void {
    this.#requestedMs = nowMs;
    if (this.#capturedMs !== undefined) this.#runningSinceMs ??= nowMs;
  }

  /** The daemon itself stood still: what waits in the pipe could not be read, so the child is not to blame. */
  excuse(nowMs: number): void {
    if (this.#capturedMs !== undefined) this.#capturedMs = nowMs;
    if (this.#requestedMs !== undefined) this.#requestedMs = nowMs;
  }

  stalled(nowMs: number): Stall | undefined {
    if (this.#runningSinceMs === undefined) return nowMs - this.#startMs > this.#limits.startMs ? 'start' : undefined;
    const factor = nowMs - this.#runningSinceMs < SETTLING_MS ? SETTLING_FACTOR : 1;
    if (nowMs - this.#capturedMs! > factor * this.#limits.captureMs) return 'capture';
    if (nowMs - this.#requestedMs! > factor * this.#limits.playbackMs) return 'playback';
    return undefined;
  }
}

/**
 * How old a frame is, from the sender's stamp, without a shared zero: both ends read the same machine's
 * monotonic clock, so the smallest difference ever seen is the offset, and what exceeds it is age.
 */
export class AgeGate {
  #offsetMs = Infinity;

  ageMs(nowMs: number, stampMs: number): number {
    const differenceMs = nowMs - stampMs;
    if (differenceMs < this.#offsetMs) this.#offsetMs = differenceMs;
    return differenceMs - this.#offsetMs;
  }
}
