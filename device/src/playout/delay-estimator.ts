/** Resolution and reach of the histogram: 100 buckets of 10 ms. Later than a second is a pause or an outage. */
const BUCKET_MS = 10;
const BUCKETS = 100;
/** What counts is the latest packet of each half second: a stall is one event, however many packets it held back. */
const INTERVAL_MS = 500;
/** Weight of a new half second, so that 30 s are remembered; the first ones count for more. Both as in NetEQ. */
const LEARN_WEIGHT = 0.017;
const FIRST_LEARN_WEIGHT = 2;
/**
 * What delay and gaps cost a conversation, in one currency (the thought of ITU-T G.107): delay D costs D + D²/500, so
 * that the third quarter of a second is dearer than the first; a ms concealed in every half second costs 19 ms of
 * delay. What comes every few seconds is so bridged, what is rare or very long is not. Tuned against NetEQ on paths of
 * many kinds (`npm run bench -- jitter-traces --held-out`).
 */
const DELAY_SQUARED_MS = 500;
const CONCEALED_COST = 19;
/** Slowing down while the queue empties makes a delay last this much longer, once there is enough of it to slow down. */
const STRETCHED_SHARE = 0.3;
const FULLY_STRETCHED_MS = 120;
/** The speaker asks on a grid of 20 ms, a packet comes at any time. */
const GRID_MS = 10;
const DELAY_STEP_MS = 5;
/** The fastest path is the lowest delay of the last two seconds: it follows drift and a change of route. */
const BASE_BUCKETS = 8;
const BASE_BUCKET_MS = 250;
/** Until five seconds of the path are known, at least this: the first stall is the one that nothing foretells. */
const FIRST_TARGET_MS = 100;
const FIRST_PACKETS = 270;

/**
 * How long a packet should wait before it is played. A histogram of how late packets come at the worst, relative to
 * the fastest of late, with forgetting (as NetEQ's); the target is where delay and concealment cost least together.
 */
export class DelayEstimator {
  readonly #histogram = new Float64Array(BUCKETS);
  #packets = 0;
  #intervals = 0;
  #intervalFromMs = Number.NaN;
  #worstMs = 0;
  #cheapestMs = 0;
  readonly #minima = new Float64Array(BASE_BUCKETS).fill(Infinity);
  #baseSlot = Number.NaN;
  #baseMs = Infinity;

  /** The least of (arrival − media time) lately, ms: the path at its fastest. `Infinity` before any packet. */
  get baseMs(): number {
    return this.#baseMs;
  }

  get targetMs(): number {
    return this.#packets < FIRST_PACKETS ? Math.max(FIRST_TARGET_MS, this.#cheapestMs) : this.#cheapestMs;
  }

  /** @param mediaMs when the packet's sound was made, in the sender's time */
  arrived(mediaMs: number, nowMs: number): void {
    const transitMs = nowMs - mediaMs;
    this.#packets++;
    this.#trackBase(transitMs, nowMs);
    this.#worstMs = Math.max(this.#worstMs, transitMs - this.#baseMs);
    if (Number.isNaN(this.#intervalFromMs)) this.#intervalFromMs = nowMs;
    if (nowMs - this.#intervalFromMs >= INTERVAL_MS) this.#endInterval(nowMs);
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

  #endInterval(nowMs: number): void {
    this.#learn(this.#worstMs);
    this.#cheapestMs = this.#cheapest();
    this.#intervalFromMs = nowMs;
    this.#worstMs = 0;
  }

  #learn(worstMs: number): void {
    const weight = Math.max(LEARN_WEIGHT, FIRST_LEARN_WEIGHT / (FIRST_LEARN_WEIGHT + this.#intervals++));
    const bucket = Math.min(BUCKETS - 1, Math.floor(worstMs / BUCKET_MS));
    for (let index = 0; index < BUCKETS; index++) this.#histogram[index]! *= 1 - weight;
    this.#histogram[bucket]! += weight;
  }

  #cheapest(): number {
    let best = 0;
    let bestCost = Infinity;
    for (let delayMs = 0; delayMs <= BUCKETS * BUCKET_MS; delayMs += DELAY_STEP_MS) {
      const cost =
        delayMs + (delayMs * delayMs) / DELAY_SQUARED_MS + CONCEALED_COST * this.#concealedMs(bridgedMs(delayMs));
      if (cost >= bestCost) continue;
      bestCost = cost;
      best = delayMs;
    }
    return best + GRID_MS;
  }

  /** Of each half second, in the mean, when packets up to `latestMs` late come in time. */
  #concealedMs(latestMs: number): number {
    let sum = 0;
    for (let bucket = Math.floor(latestMs / BUCKET_MS); bucket < BUCKETS; bucket++)
      sum += this.#histogram[bucket]! * ((bucket + 1) * BUCKET_MS - latestMs);
    return sum;
  }
}

/** How long a stall may last before `delayMs` of sound, played ever slower, runs out. */
function bridgedMs(delayMs: number): number {
  return delayMs * (1 + STRETCHED_SHARE * Math.min(1, delayMs / FULLY_STRETCHED_MS));
}
