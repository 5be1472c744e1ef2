import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';

/** Cuts audio of any length into frames of 320 samples. */
export class Framer {
  readonly #rest = new Int16Array(FRAME_SAMPLES);
  #held = 0;

  /** @returns views into `pcm` where a frame lies in it whole, else copies */
  *push(pcm: Int16Array): Generator<Int16Array> {
    let from = 0;
    if (this.#held > 0) {
      from = Math.min(FRAME_SAMPLES - this.#held, pcm.length);
      this.#rest.set(pcm.subarray(0, from), this.#held);
      this.#held += from;
      if (this.#held < FRAME_SAMPLES) return;
      this.#held = 0;
      yield this.#rest.slice();
    }
    for (; from + FRAME_SAMPLES <= pcm.length; from += FRAME_SAMPLES) yield pcm.subarray(from, from + FRAME_SAMPLES);
    this.#rest.set(pcm.subarray(from));
    this.#held = pcm.length - from;
  }

  /** The last frame, filled up with silence; `undefined` when nothing is left. */
  flush(): Int16Array | undefined {
    if (this.#held === 0) return undefined;
    const frame = new Int16Array(FRAME_SAMPLES);
    frame.set(this.#rest.subarray(0, this.#held));
    this.#held = 0;
    return frame;
  }
}
