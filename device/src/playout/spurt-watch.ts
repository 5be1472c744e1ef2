import type { DelayEstimator } from './delay-estimator.ts';

/** No packet for this long: either the path stalled or the sender paused; what follows tells. */
const GAP_MS = 300;
/** Longer than a path that still lives stalls: a pause, whatever follows. */
const LONGEST_STALL_MS = 2_000;
/** A stalled path delivers what it held at once; a sender that paused goes on at its pace. */
const VERDICT_MS = 100;
/** A sender this far before its own first packet does not send as it speaks: it sends ahead. */
const AHEAD_MS = 600;
const LEAD_KEPT_AFTER_MS = 2_000;
const LEAD_STEP_MS = 20;
const FASTEST_CLOCK = 0.001;

/**
 * How far a sender is before its own first packet. Far, and further and further: it sends ahead of what it speaks, and
 * its lead is no delay. Far, and that has been all for a while: a live call may have begun in a stall, or a response
 * that was sent ahead goes on; nothing tells which.
 */
export type Lead = 'none' | 'grows' | 'kept';

interface Arrival {
  readonly mediaMs: number;
  readonly nowMs: number;
}

/**
 * Decides what a gap between packets was before the delay estimator hears of it. Raw framing has no timestamps:
 * without this a pause of the sender would look like packets that are late by the pause.
 */
export class SpurtWatch {
  readonly #estimator: DelayEstimator;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Arrivals since a gap, until it is decided. */
  #undecided: Arrival[] = [];
  #gapMs = 0;
  /** Transit of the spurt's first packet: what is normal for a sender that does not send ahead. */
  #referenceMs = 0;
  /** The sender's lead was never greater than at this time. */
  #leadGrewMs = Number.NEGATIVE_INFINITY;
  #leastTransitMs = Infinity;
  #lead: Lead = 'none';

  constructor(estimator: DelayEstimator) {
    this.#estimator = estimator;
  }

  get lead(): Lead {
    return this.#lead;
  }

  /** False while it is open what the last gap was: delays are not to be judged meanwhile. */
  get decided(): boolean {
    return this.#gapMs === 0;
  }

  arrived(mediaMs: number, nowMs: number): void {
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (gapMs > GAP_MS) this.#open(gapMs);
    if (this.#gapMs > 0) this.#decide({ mediaMs, nowMs });
    else this.#estimator.arrived(mediaMs, nowMs);
    // A clock that is fast looks ahead too, in the long run; no clock gains a thousandth.
    this.#referenceMs -= Math.min(gapMs, GAP_MS) * FASTEST_CLOCK;
    this.#watchLead(nowMs - mediaMs, nowMs);
  }

  /** Nothing is left of the lead: what comes from now on is judged against `transitMs`. */
  forgetLead(transitMs: number): void {
    this.#referenceMs = transitMs;
    this.#lead = 'none';
  }

  #watchLead(transitMs: number, nowMs: number): void {
    if (transitMs < this.#leastTransitMs - LEAD_STEP_MS) {
      this.#leastTransitMs = transitMs;
      this.#leadGrewMs = nowMs;
    }
    if (this.#referenceMs - transitMs > AHEAD_MS) this.#lead = 'grows';
    if (this.#lead === 'grows' && nowMs - this.#leadGrewMs > LEAD_KEPT_AFTER_MS) this.#lead = 'kept';
  }

  #open(gapMs: number): void {
    this.#settle(this.#caughtUp());
    this.#gapMs = gapMs;
  }

  #decide(arrival: Arrival): void {
    this.#undecided.push(arrival);
    const first = this.#undecided[0]!;
    if (this.#caughtUp()) this.#settle(true);
    else if (arrival.nowMs - first.nowMs >= VERDICT_MS) this.#settle(false);
  }

  /** The packets since the gap made up for half of it, faster than they were spoken. */
  #caughtUp(): boolean {
    const first = this.#undecided[0];
    const last = this.#undecided.at(-1);
    if (first === undefined || last === undefined || this.#gapMs > LONGEST_STALL_MS) return false;
    return last.mediaMs - first.mediaMs - (last.nowMs - first.nowMs) > this.#gapMs / 2;
  }

  #settle(stalled: boolean): void {
    const first = this.#undecided[0];
    if (first === undefined) return;
    if (!stalled) {
      this.#estimator.rebase();
      this.#referenceMs = first.nowMs - first.mediaMs;
      this.#leastTransitMs = Infinity;
      this.#lead = 'none';
    }
    for (const arrival of this.#undecided) this.#estimator.arrived(arrival.mediaMs, arrival.nowMs);
    this.#undecided = [];
    this.#gapMs = 0;
  }
}
