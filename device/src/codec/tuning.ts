import type { EncoderTuning } from './ports.ts';

/**
 * How the encoder follows the loss that the receiver reports. In-band FEC costs quality on a link that loses
 * nothing and pays from a few percent on (PLCMOS at 32 kbit/s: 4.41 off against 4.16 on without loss, 3.92
 * against 4.02 at 5 %), so it is off until it is needed.
 */
export const CLEAN_LINK: EncoderTuning = { bitrate: 32_000, inbandFec: false, expectedLoss: 0 };

interface Step {
  /** Reported loss, 0 … 1, at which this step is taken, and below which it is left again. */
  readonly enter: number;
  readonly leave: number;
  readonly tuning: EncoderTuning;
}

/** 32 kbit/s throughout: LBRR is carried from 24 kbit/s, and less harms the voice more than the loss does. */
const STEPS: readonly Step[] = [
  { enter: 0, leave: 0, tuning: CLEAN_LINK },
  { enter: 0.03, leave: 0.01, tuning: { bitrate: 32_000, inbandFec: true, expectedLoss: 5 } },
  { enter: 0.08, leave: 0.05, tuning: { bitrate: 32_000, inbandFec: true, expectedLoss: 10 } },
];

/** Bad news is believed faster than good news: weights of a new report in the running mean. */
const RISE = 0.5;
const FALL = 0.1;

/** Reports in, tuning out; hysteresis keeps a link at the edge of a step from switching every second. */
export class LossTuner {
  #loss = 0;
  #step = 0;

  get tuning(): EncoderTuning {
    return STEPS[this.#step]!.tuning;
  }

  /**
   * @param lossRate 0 … 1 since the last report, one report a second
   * @returns the tuning when it changed, else `undefined`
   */
  report(lossRate: number): EncoderTuning | undefined {
    if (!(lossRate >= 0 && lossRate <= 1)) return undefined;
    this.#loss += (lossRate - this.#loss) * (lossRate > this.#loss ? RISE : FALL);
    const before = this.#step;
    while (this.#step + 1 < STEPS.length && this.#loss >= STEPS[this.#step + 1]!.enter) this.#step++;
    while (this.#step > 0 && this.#loss < STEPS[this.#step]!.leave) this.#step--;
    return this.#step === before ? undefined : this.tuning;
  }
}
