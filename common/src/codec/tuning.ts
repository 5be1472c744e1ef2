import type { EncoderTuning } from './ports.ts';

/**
 * How the encoder follows the loss that the receiver reports. In-band FEC costs quality on a link that loses
 * nothing and pays from a few percent on: by STOI from 1 % (`bench/encoder-tuning.ts`), by PLCMOS from 3 % (at
 * 32 kbit/s 4.41 without and 4.16 with it on a clean link, 3.92 and 4.02 at 5 %). So it is off until 2 %.
 */
export const CLEAN_LINK: EncoderTuning = { bitrate: 32_000, inbandFec: false, expectedLoss: 0 };

interface Step {
  /** Reported loss, 0 … 1, at which this step is taken, and below which it is left again. */
  readonly enter: number;
  readonly leave: number;
  readonly tuning: EncoderTuning;
}

/**
 * 32 kbit/s throughout: less harms the voice more than the loss does, and more would be sent into a link that already
 * sheds what it cannot carry. (Where the link is too narrow for that, `rate-tuner.ts` goes lower.)
 */
const STEPS: readonly Step[] = [
  { enter: 0, leave: 0, tuning: CLEAN_LINK },
  { enter: 0.02, leave: 0.007, tuning: { bitrate: 32_000, inbandFec: true, expectedLoss: 5 } },
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

/** LBRR needs room: below this it is left out of most packets, and what it takes is missing from the voice. */
const LEAST_FEC_BITRATE = 24_000;

/** What the loss asks for, as far as the link carries it. */
export function tuningAt(bitrate: number, wanted: EncoderTuning): EncoderTuning {
  return bitrate < LEAST_FEC_BITRATE ? { ...CLEAN_LINK, bitrate } : { ...wanted, bitrate };
}
