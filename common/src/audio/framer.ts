/** 20 ms at 16 kHz mono s16. */
export const FRAME_SAMPLES = 320;
export const FRAME_BYTES = FRAME_SAMPLES * 2;
export const FRAME_MS = 20;
export const SAMPLE_RATE = 16_000;

/**
 * Any chunks in, exactly 320 samples out. Sound systems deliver what they like: 256 samples, 125 ms, an odd
 * byte. Samples are little-endian, as every machine this runs on is, so bytes are copied and never swapped.
 */
export class Framer {
  readonly #samples = new Int16Array(FRAME_SAMPLES);
  readonly #bytes = Buffer.from(this.#samples.buffer);
  readonly #onFrame: (frame: Int16Array) => void;
  #filled = 0;

  /** @param onFrame is handed a fresh array for each frame: the only allocation made */
  constructor(onFrame: (frame: Int16Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#filled;
  }

  push(chunk: Buffer): void {
    let read = 0;
    while (read < chunk.length) {
      const copied = chunk.copy(this.#bytes, this.#filled, read);
      read += copied;
      this.#filled += copied;
      if (this.#filled < FRAME_BYTES) return;
      this.#filled = 0;
      this.#onFrame(this.#samples.slice());
    }
  }
}
