import { framesOf } from '../../common/src/audio/framer.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import type { SoundCard } from '../lib/sound-card.ts';
import { clip, clipNames } from '../lib/speech.ts';
import { joined, rms } from '../lib/sound.ts';
import { mean } from '../lib/statistics.ts';

/** What is louder is a voice; comfort noise and the card's own are below. Full scale 32,768. */
const VOICE = 1_000;
const FRAMES_PER_SECOND = SAMPLE_RATE / FRAME_SAMPLES;

/** Whoever holds the receiver to the ear: hears the speaker from now on, and knows when it heard what. */
export class Ear {
  readonly #pieces: Int16Array[] = [];
  #firstMs: number | undefined;

  constructor(card: SoundCard) {
    card.listen('spk', (samples) => {
      this.#pieces.push(samples);
      this.#firstMs ??= performance.now() - (1_000 * samples.length) / SAMPLE_RATE;
    });
  }

  /** All that was heard so far. */
  heard(): Int16Array {
    return joined(this.#pieces);
  }

  /** When, on `performance.now()`'s clock, something louder than `level` was first heard after `sinceMs`; undefined: not yet. */
  firstAbove(level: number, sinceMs: number): number | undefined {
    if (this.#firstMs === undefined) return undefined;
    const from = Math.max(0, Math.round(((sinceMs - this.#firstMs) * SAMPLE_RATE) / 1_000));
    const samples = this.heard();
    const at = samples.subarray(from).findIndex((sample) => Math.abs(sample) > level);
    return at < 0 ? undefined : this.#firstMs + (1_000 * (from + at)) / SAMPLE_RATE;
  }

  voiceSince(sinceMs: number): number | undefined {
    return this.firstAbove(VOICE, sinceMs);
  }

  /** What was heard from then on. */
  since(sinceMs: number): Int16Array {
    return this.heard().subarray(Math.max(0, Math.round(((sinceMs - (this.#firstMs ?? 0)) * SAMPLE_RATE) / 1_000)));
  }
}

export interface Recognised {
  /** File of the companion's recording. */
  readonly clip: string;
  /** Correlation of the loudness over time, −1 … 1. */
  readonly likeness: number;
}

/** Which of the companion's recordings a sound is most like: loudness in steps of 20 ms, wherever it begins. */
export function recognise(heard: Int16Array): Recognised {
  const contour = loudness(heard);
  return clipNames('companion')
    .map((name) => ({ clip: name, likeness: bestLikeness(contour, loudness(clip('companion', name))) }))
    .reduce((a, b) => (b.likeness > a.likeness ? b : a));
}

function loudness(samples: Int16Array): number[] {
  return framesOf(samples).map(rms);
}

/** Two seconds of a recording tell it from every other. */
function bestLikeness(heard: readonly number[], clip: readonly number[]): number {
  const length = Math.min(clip.length, 2 * FRAMES_PER_SECOND);
  const pattern = clip.slice(0, length);
  let best = -1;
  for (let at = 0; at + length <= heard.length; at++)
    best = Math.max(best, correlation(heard.slice(at, at + length), pattern));
  return best;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const [da, db] = [value - meanA, b[index]! - meanB];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
