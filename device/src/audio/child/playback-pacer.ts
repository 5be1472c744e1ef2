import { FRAME_MS } from '../../../../protocol/src/limits.ts';

/** What is kept ahead of the speaker, so that a late answer of the daemon is not heard. ms */
export const LEAD_MS = 60;
/** After a burst of microphone frames nothing is asked for above this. ms */
const MOST_MS = LEAD_MS + 1.5 * FRAME_MS;
/** Below this the player is about to run dry: ask for two. ms */
const LEAST_MS = 0.5 * FRAME_MS;
/** How fast the estimate forgets, per microphone frame: a minute, so that clocks may differ but bursts still count. */
const FORGET = 1 / 3000;
/** Two restarts are at least this far apart. ms */
const RESTART_PAUSE_MS = 2000;

export interface PacerStep {
  /** Frames to ask for. */
  readonly want: number;
  /** What the player holds is unknown: begin again with an empty one. */
  readonly restart: boolean;
}

/**
 * When to ask for the next frame, for a player that cannot be asked how much it still has. The microphone's
 * frames are the clock, because a card plays as fast as it records, while the machine's own clock drifts away
 * from both; that one only guards against bursts: it estimates the lead, and slowly forgets.
 *
 * When the machine stood still for longer than the lead, nobody knows whether the player ran dry or stood still
 * as well; the wrong guess is heard as a tenth of a second of delay for the rest of the call (measured: 48 → 156
 * ms). So the player is emptied. Pure: it is told the time.
 */
export class PlaybackPacer {
  #leadMs = 0;
  #atMs: number | undefined;
  #restartedMs = -Infinity;

  /** What the player still has, as well as it can be known. ms */
  get leadMs(): number {
    return this.#leadMs;
  }

  onMicrophoneFrame(nowMs: number): PacerStep {
    const sinceMs = this.#atMs === undefined ? 0 : nowMs - this.#atMs;
    const first = this.#atMs === undefined;
    this.#atMs = nowMs;
    if (first) return this.#fill(false);
    if (sinceMs > LEAD_MS && nowMs - this.#restartedMs > RESTART_PAUSE_MS) {
      this.#restartedMs = nowMs;
      return this.#fill(true);
    }
    this.#leadMs = Math.max(0, this.#leadMs - sinceMs);
    this.#leadMs += (LEAD_MS - FRAME_MS - this.#leadMs) * FORGET;
    const want = this.#leadMs + FRAME_MS > MOST_MS ? 0 : this.#leadMs < LEAST_MS ? 2 : 1;
    this.#leadMs += want * FRAME_MS;
    return { want, restart: false };
  }

  #fill(restart: boolean): PacerStep {
    this.#leadMs = LEAD_MS;
    return { want: LEAD_MS / FRAME_MS, restart };
  }
}
