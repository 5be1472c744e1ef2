import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { median } from '../../test/lib/statistics.ts';

/** Marks in silence, by which the delay of a way that sound takes is measured. */

/** 20 ms of silence, or with a 1 kHz mark from `fromSample` to its end. */
export function markFrame(fromSample?: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, index) =>
    fromSample === undefined || index < fromSample
      ? 0
      : Math.round(12_000 * Math.sin((2 * Math.PI * 1_000 * (index - fromSample)) / SAMPLE_RATE)),
  );
}

/** Tells when a mark begins in a stream of samples: loud after at least 100 ms of quiet. */
export class MarkDetector {
  readonly #found: () => void;
  #quietSamples = 0;

  constructor(found: () => void) {
    this.#found = found;
  }

  push(samples: Int16Array): void {
    for (const sample of samples) {
      if (Math.abs(sample) < LOUD) {
        this.#quietSamples++;
        continue;
      }
      if (this.#quietSamples >= QUIET_SAMPLES) this.#found();
      this.#quietSamples = 0;
    }
  }
}

/** From each mark that was sent to the next that is heard, if that is soon enough. */
export class Delays {
  readonly #latestMs: number;
  #delaysMs: number[] = [];
  #sentMs: number | undefined;

  constructor(latestMs: number) {
    this.#latestMs = latestMs;
  }

  sent(atMs: number): void {
    this.#sentMs = atMs;
  }

  /** A mark is heard now. @returns whether it was waited for here */
  heard(): boolean {
    const sentMs = this.#sentMs;
    this.#sentMs = undefined;
    const delayMs = sentMs === undefined ? Infinity : performance.now() - sentMs;
    if (delayMs > this.#latestMs) return false;
    this.#delaysMs.push(delayMs);
    return true;
  }

  /** What was measured while everything was still settling. */
  forget(): void {
    this.#delaysMs = [];
  }

  /** @throws {Error} when too few marks were heard for a figure */
  median(): number {
    if (this.#delaysMs.length < 3) throw new Error(`only ${this.#delaysMs.length} marks came through`);
    return median(this.#delaysMs);
  }
}

const LOUD = 3_000;
const QUIET_SAMPLES = SAMPLE_RATE / 10;
