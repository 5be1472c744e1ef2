import { FRAME_BYTES, FRAME_SAMPLES } from '../../../protocol/src/limits.ts';

/**
 * Audio of any length in, frames of exactly 320 samples out. Sound systems and speech services deliver what they
 * like: 256 samples, 125 ms, ten seconds, an odd byte.
 */
export class Framer {
  readonly #samples = new Int16Array(FRAME_SAMPLES);
  readonly #bytes = new Uint8Array(this.#samples.buffer);
  #filled = 0;

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /**
   * @param chunk samples, or their bytes (little-endian, as every machine this runs on is)
   * @returns the frames that it completes, each a fresh array; nothing is taken in before they are asked for
   */
  *push(chunk: Int16Array | Uint8Array): Generator<Int16Array> {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let read = 0; read < bytes.length;) {
      const taken = Math.min(bytes.length - read, FRAME_BYTES - this.#filled);
      this.#bytes.set(bytes.subarray(read, read + taken), this.#filled);
      read += taken;
      this.#filled += taken;
      if (this.#filled < FRAME_BYTES) return;
      this.#filled = 0;
      yield this.#samples.slice();
    }
  }

  /** The last frame, filled up with silence; undefined when nothing is left. */
  flush(): Int16Array | undefined {
    if (this.#filled === 0) return undefined;
    this.#bytes.fill(0, this.#filled);
    this.#filled = 0;
    return this.#samples.slice();
  }
}

/** A recording as frames, each an array of its own; less than a frame at its end is left out. */
export function framesOf(pcm: Int16Array): Int16Array[] {
  return [...new Framer().push(pcm)];
}
