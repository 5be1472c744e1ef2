import { ACK_INTERVAL_MS } from '../../../protocol/src/index.ts';

/** What is tried below the bitrate asked for, bit/s. At 12 kbit/s Opus still keeps a voice's whole band of 8 kHz. */
const LOWER_RATES: readonly number[] = [24_000, 16_000, 12_000];
/** A stall passes and a queue stays: only what the last reports have in common counts. */
const REPORTS = 3;
/** A path may be this long; what is older from the first was in a queue already. */
const LONGEST_PATH_MS = 600;
/** So far behind the least that this link has shown, the link does not carry what is sent; and here it does again. */
const BEHIND_MS = 400;
const CAUGHT_UP_MS = 150;
/** A backlog that shrinks by this from report to report is being worked off: nothing more is needed. */
const DRAINING_MS = 100;
/** RTP, WebSocket and TLS around 50 frames a second, and the segments that TCP fills from a queue, bit/s. */
const AROUND_IT = 18_000;
/** Reports without a backlog before more is tried; twice as many after each time that was too much. */
const PATIENCE = 10;
const LONGEST_PATIENCE = 160;

/**
 * Lets the encoder's bitrate follow what the link carries. TCP hides a link that is too narrow: the kernel takes
 * everything, and what was said arrives later and later. It shows in the age of the newest frame that the server
 * acknowledges; so that is what is reported here, once a second.
 */
export class RateTuner {
  readonly #rates: readonly number[];
  #step = 0;
  #leastMs = Infinity;
  readonly #agesMs: number[] = [];
  #calmReports = 0;
  #patience = PATIENCE;

  constructor(fullRate: number) {
    this.#rates = [fullRate, ...LOWER_RATES.filter((rate) => rate < fullRate)];
  }

  /** bit/s */
  get bitrate(): number {
    return this.#rates[this.#step]!;
  }

  /** Another link: what the old one carried says nothing of it, but a guess too low harms less than one too high. */
  reset(): void {
    this.#leastMs = Infinity;
    this.#agesMs.length = 0;
    this.#calmReports = 0;
    this.#patience = PATIENCE;
  }

  /**
   * @param ageMs since the capture of the newest frame that the server holds
   * @returns true when the bitrate changed
   */
  report(ageMs: number): boolean {
    this.#leastMs = Math.min(this.#leastMs, ageMs);
    const drainsMs = (this.#agesMs.at(-1) ?? ageMs) - ageMs;
    this.#agesMs.push(ageMs);
    if (this.#agesMs.length > REPORTS) this.#agesMs.shift();
    const behindMs = Math.min(...this.#agesMs) - Math.min(this.#leastMs, LONGEST_PATH_MS);
    this.#calmReports = behindMs < CAUGHT_UP_MS ? this.#calmReports + 1 : 0;
    if (this.#agesMs.length === REPORTS && behindMs > BEHIND_MS && drainsMs < DRAINING_MS)
      return this.#lower(this.#carried());
    return this.#calmReports > this.#patience && this.#raise();
  }

  /** A queue that grows by 200 ms a second: four fifths of what is sent come through. @returns bit/s of voice */
  #carried(): number {
    const grownMs = this.#agesMs.at(-1)! - this.#agesMs[0]!;
    const through = 1 - Math.min(1, Math.max(0, grownMs / ((REPORTS - 1) * ACK_INTERVAL_MS)));
    return (this.bitrate + AROUND_IT) * through - AROUND_IT;
  }

  #lower(carried: number): boolean {
    const lowest = this.#rates.length - 1;
    if (this.#step === lowest) return false;
    this.#patience = Math.min(LONGEST_PATIENCE, 2 * this.#patience);
    const fitting = this.#rates.findIndex((rate, step) => step > this.#step && rate <= carried);
    return this.#moveTo(fitting < 0 ? lowest : fitting);
  }

  #raise(): boolean {
    return this.#step > 0 && this.#moveTo(this.#step - 1);
  }

  /** What was reported before says nothing of the new rate. */
  #moveTo(step: number): true {
    this.#step = step;
    this.#agesMs.length = 0;
    this.#calmReports = 0;
    return true;
  }
}
