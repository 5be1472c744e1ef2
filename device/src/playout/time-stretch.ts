import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';

/** Pitch periods looked for: 2.5 ms (400 Hz) to 15 ms (66 Hz). */
const SHORTEST_PERIOD = 40;
const LONGEST_PERIOD = 240;
/** Cross-fade, 5 ms, and what is compared to find where it fits. */
const OVERLAP = 80;
/** Below this likeness a cut would be heard. */
const ENOUGH_ALIKE = 0.7;

/** In a hurry, a longer stretch that fits nearly as well as the best will do: several periods at once. */
const NEARLY_AS_ALIKE = 0.1;

export interface Stretch {
  /** Nothing is said: anything fits, and the most is taken. */
  readonly quiet: boolean;
  /** A stall is on, or has just passed: several periods rather than one. */
  readonly hurry: boolean;
}

const FADE_IN = Float32Array.from(
  { length: OVERLAP },
  (_, at) => 0.5 - 0.5 * Math.cos((Math.PI * (at + 0.5)) / OVERLAP),
);

/**
 * WSOLA on one frame: takes out, or puts in, one pitch period at the place where the sound repeats itself, so
 * that tempo changes and pitch does not.
 * @returns a shorter frame (80 to 280 samples), or `frame` itself when no cut would go unheard
 */
export function accelerate(frame: Int16Array, { quiet, hurry }: Stretch): Int16Array {
  const period = quiet ? LONGEST_PERIOD : bestPeriod(frame, 0, 1, hurry);
  if (period === 0) return frame;
  const shorter = new Int16Array(FRAME_SAMPLES - period);
  crossFade(shorter, 0, frame, 0, frame, period);
  shorter.set(frame.subarray(period + OVERLAP), OVERLAP);
  return shorter;
}

/** @returns a longer frame (360 to 560 samples), or `frame` itself */
export function expand(frame: Int16Array, { quiet, hurry }: Stretch): Int16Array {
  const from = FRAME_SAMPLES - OVERLAP;
  const period = quiet ? LONGEST_PERIOD : bestPeriod(frame, from, -1, hurry);
  if (period === 0) return frame;
  const longer = new Int16Array(FRAME_SAMPLES + period);
  longer.set(frame.subarray(0, from));
  crossFade(longer, from, frame, from, frame, from - period);
  longer.set(frame.subarray(FRAME_SAMPLES - period), FRAME_SAMPLES);
  return longer;
}

function crossFade(
  into: Int16Array,
  at: number,
  out: Int16Array,
  outAt: number,
  back: Int16Array,
  backAt: number,
): void {
  for (let index = 0; index < OVERLAP; index++) {
    const gain = FADE_IN[index]!;
    into[at + index] = Math.round((1 - gain) * out[outAt + index]! + gain * back[backAt + index]!);
  }
}

const likenesses = new Float32Array(LONGEST_PERIOD + 1);

/** The lag, in `direction` from `at`, where the sound is most alike; 0 when nowhere enough. */
function bestPeriod(frame: Int16Array, at: number, direction: 1 | -1, hurry: boolean): number {
  const energy = energyAt(frame, at);
  let best = 0;
  let bestLikeness = ENOUGH_ALIKE;
  let otherEnergy = energyAt(frame, at + direction * SHORTEST_PERIOD);
  for (let lag = SHORTEST_PERIOD; lag <= LONGEST_PERIOD; lag++) {
    const other = at + direction * lag;
    let product = 0;
    for (let index = 0; index < OVERLAP; index++) product += frame[at + index]! * frame[other + index]!;
    const likeness = product / Math.sqrt(energy * otherEnergy + 1);
    likenesses[lag] = likeness;
    if (likeness > bestLikeness) {
      bestLikeness = likeness;
      best = lag;
    }
    otherEnergy = slide(frame, other, direction, otherEnergy);
  }
  return hurry && best > 0 ? longestPeriod(best, Math.max(ENOUGH_ALIKE, bestLikeness - NEARLY_AS_ALIKE)) : best;
}

/** The longest lag that is alike enough and no worse than its neighbour. */
function longestPeriod(best: number, enough: number): number {
  for (let lag = LONGEST_PERIOD; lag > best; lag--) {
    if (likenesses[lag]! > enough && likenesses[lag]! >= likenesses[lag - 1]!) return lag;
  }
  return best;
}

function energyAt(frame: Int16Array, at: number): number {
  let sum = 0;
  for (let index = at; index < at + OVERLAP; index++) sum += frame[index]! * frame[index]!;
  return sum;
}

/** Energy of the window one sample further. */
function slide(frame: Int16Array, at: number, direction: 1 | -1, energy: number): number {
  const leaves = direction === 1 ? at : at + OVERLAP - 1;
  const enters = direction === 1 ? at + OVERLAP : at - 1;
  const gone = frame[leaves]!;
  const come = frame[enters] ?? 0;
  return energy - gone * gone + come * come;
}
