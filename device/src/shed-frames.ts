import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { ExtendedSequence } from '../../protocol/src/index.ts';

/** Frames that will never be sent: counted at once, reported as one range before the next frame goes out. */
export class ShedFrames {
  readonly #counters: FrameCounters;
  readonly #tell: (from: ExtendedSequence, to: ExtendedSequence) => void;
  #range: { readonly from: ExtendedSequence; readonly to: ExtendedSequence } | undefined;

  constructor(counters: FrameCounters, tell: (from: ExtendedSequence, to: ExtendedSequence) => void) {
    this.#counters = counters;
    this.#tell = tell;
  }

  /** Frames that grew stale before they were sent. */
  add(from: ExtendedSequence, to: ExtendedSequence): void {
    if (from > to) return;
    this.#counters.shed += to - from + 1;
    this.#range = { from: this.#range?.to === from - 1 ? this.#range.from : from, to };
  }

  /** After a resume: what went down with the old link and is no longer held is a gap too, together with what is noted. */
  widen(from: ExtendedSequence, to: ExtendedSequence): void {
    if (from > to) return;
    const known = this.#range === undefined ? 0 : this.#range.to - this.#range.from + 1;
    this.#counters.shed += to - from + 1 - known;
    this.#range = { from, to };
  }

  /** A frame goes out now. */
  report(): void {
    if (this.#range === undefined) return;
    const { from, to } = this.#range;
    this.#range = undefined;
    this.#tell(from, to);
  }
}
