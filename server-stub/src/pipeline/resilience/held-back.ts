import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';

/** 10 ms: enough to lead sound out without a click, too little to be missed. */
const EDGE_SAMPLES = SAMPLE_RATE / 100;

/** Passes sound on but for its last 10 ms, which may turn out to be where it breaks off. */
export class HeldBack {
  #held = new Int16Array(0);

  push(pcm: Int16Array): Int16Array {
    const all = new Int16Array(this.#held.length + pcm.length);
    all.set(this.#held);
    all.set(pcm, this.#held.length);
    const ready = Math.max(0, all.length - EDGE_SAMPLES);
    this.#held = all.slice(ready);
    return all.subarray(0, ready);
  }

  rest(): Int16Array {
    const rest = this.#held;
    this.#held = new Int16Array(0);
    return rest;
  }
}

/** Raised cosine to nothing. */
export function fadedOut(pcm: Int16Array): Int16Array {
  return pcm.map((sample, at) => Math.round(sample * (0.5 + 0.5 * Math.cos((Math.PI * (at + 1)) / pcm.length))));
}
