import { FRAME_MS } from '../framer.ts';

/** What is kept ahead of the speaker, so that a late answer of the daemon is not heard. ms */
export const LEAD_MS = 60;
/** After a burst of microphone frames (the machine stood still) nothing is asked for above this. ms */
const MOST_MS = LEAD_MS + 1.5 * FRAME_MS;
/** Below this the player is about to run dry: ask for two. ms */
const LEAST_MS = 0.5 * FRAME_MS;
/** How fast the estimate forgets, per microphone frame: a minute, so that clocks may differ but bursts still count. */
const FORGET = 1 / 3000;

/**
 * When to ask for the next frame, for a player that cannot be asked how much it still has. The microphone's
 * frames are the clock, because a card plays as fast as it records, while the machine's own clock drifts away
 * from both. The machine's clock only guards against bursts: it estimates the lead, and slowly forgets.
 * Pure: it is told the time.
 */
export class PlaybackPacer {
  #leadMs = 0;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** What the player still has, as well as it can be known. ms */
  get leadMs(): number {
    return this.#leadMs;
  }

  /** @returns how many frames to ask for before there is any microphone frame */
  prefill(): number {
    this.#leadMs = LEAD_MS;
    return LEAD_MS / FRAME_MS;
  }

  /** @returns how many frames to ask for: 1, but 0 after a burst and 2 after a gap */
  onMicrophoneFrame(nowMs: number): number {
    this.#leadMs = Math.max(0, this.#leadMs - (nowMs - this.#atMs));
    this.#atMs = nowMs;
    this.#leadMs += (LEAD_MS - FRAME_MS - this.#leadMs) * FORGET;
    const wanted = this.#leadMs + FRAME_MS > MOST_MS ? 0 : this.#leadMs < LEAST_MS ? 2 : 1;
    this.#leadMs += wanted * FRAME_MS;
    return wanted;
  }
}
