/** Resolution and reach of the histogram: 100 buckets of 10 ms. Later than a second is a pause or an outage. */
const BUCKET_MS = 10;
const BUCKETS = 100;
/** Weight of a new packet: the histogram remembers about thirteen seconds. */
const LEARN_WEIGHT = 0.0015;
/**
 * What delay and gaps cost a conversation, in one currency (the thought of ITU-T G.107): delay D costs
 * D + D²/250, so that the second quarter of a second is dearer than the first; sound that is all concealed
 * costs 25 s of delay. Frequent stalls are so bridged, rare long ones are not.
 */
const DELAY_SQUARED_MS = 250;
const CONCEALED_COST_MS = 25_000;
/** Slowing down while the queue empties makes a delay last this much longer. */
const STRETCH_REACH = 1.2;
/** The speaker asks on a grid of 20 ms, a packet comes at any time. */
const GRID_MS = 10;
/** The fastest path is the lowest delay of the last two seconds: it follows drift and a change of route. */
const BASE_BUCKETS = 8;
const BASE_BUCKET_MS = 250;
/** Until six seconds of the path are known, at least this (NetEQ's first target too). */
const FIRST_TARGET_MS = 80;
const FIRST_PACKETS = 300;

/**
 * How long a packet should wait before it is played. A histogram of how late packets come, relative to the
 * fastest of late, with forgetting (as NetEQ's); the target is where delay and concealment cost least together.
 */
export class DelayEstimator {
  readonly #histogram = new Float64Array(BUCKETS);
  #packets = 0;
  #targetMs = FIRST_TARGET_MS;
  readonly #minima = new Float64Array(BASE_BUCKETS).fill(Infinity);
  #baseSlot = Number.NaN;
  #baseMs = Infinity;

  /** The least of (arrival − media time) lately, ms: the path at its fastest. `Infinity` before any packet. */
  get baseMs(): number {
    return this.#baseMs;
  }

  get targetMs(): number {
    return this.#targetMs;
  }

  /** @param mediaMs when the packet's sound was made, in the sender's time */
  arrived(mediaMs: number, nowMs: number): void {
    const transitMs = nowMs - mediaMs;
    this.#trackBase(transitMs, nowMs);
    this.#learn(transitMs - this.#baseMs);
    const cheapestMs = this.#cheapest();
    this.#targetMs = this.#packets < FIRST_PACKETS ? Math.max(FIRST_TARGET_MS, cheapestMs) : cheapestMs;
  }

  /** The sender paused: its next packet is on time by definition. */
  rebase(): void {
    this.#minima.fill(Infinity);
    this.#baseMs = Infinity;
  }

  #trackBase(transitMs: number, nowMs: number): void {
    const slot = Math.floor(nowMs / BASE_BUCKET_MS);
    if (slot !== this.#baseSlot) this.#forgetBase(slot);
    const index = slot % BASE_BUCKETS;
    this.#minima[index] = Math.min(this.#minima[index]!, transitMs);
    this.#baseMs = Math.min(...this.#minima);
  }

  #forgetBase(slot: number): void {
    const passed = Number.isNaN(this.#baseSlot) ? BASE_BUCKETS : Math.min(BASE_BUCKETS, slot - this.#baseSlot);
    for (let back = 0; back < passed; back++) this.#minima[(slot - back) % BASE_BUCKETS] = Infinity;
    this.#baseSlot = slot;
  }

  #learn(lateMs: number): void {
    const weight = Math.max(LEARN_WEIGHT, 1 / ++this.#packets);
    const bucket = Math.min(BUCKETS - 1, Math.floor(lateMs / BUCKET_MS));
    for (let index = 0; index < BUCKETS; index++) this.#histogram[index]! *= 1 - weight;
    this.#histogram[bucket]! += weight;
  }

  /** The delay D that minimises D + cost × P(later than D can bridge). */
  #cheapest(): number {
    let best = 0;
    let bestCost = Infinity;
    let later = 1;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      later -= this.#histogram[bucket]!;
      const delayMs = ((bucket + 1) * BUCKET_MS) / STRETCH_REACH;
      const cost = delayMs + (delayMs * delayMs) / DELAY_SQUARED_MS + CONCEALED_COST_MS * Math.max(0, later);
      if (cost >= bestCost) continue;
      bestCost = cost;
      best = delayMs;
    }
    return best + GRID_MS;
  }
}
