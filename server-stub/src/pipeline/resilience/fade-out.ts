import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';

/** Passes audio on except for its last 10 ms, so that they can be faded out if the audio breaks off there. */
export class FadeOutTail {
  #tail = new Int16Array(0);

  push(pcm: Int16Array): Int16Array {
    const all = new Int16Array(this.#tail.length + pcm.length);
    all.set(this.#tail);
    all.set(pcm, this.#tail.length);
    const ready = Math.max(0, all.length - TAIL_SAMPLES);
    this.#tail = all.slice(ready);
    return all.subarray(0, ready);
  }

  /** The tail as it is: the audio came to its end. */
  rest(): Int16Array {
    const rest = this.#tail;
    this.#tail = new Int16Array(0);
    return rest;
  }

  /** The tail as a raised cosine to zero: the audio broke off. */
  fadedRest(): Int16Array {
    const rest = this.rest();
    return rest.map((sample, at) => Math.round(sample * (0.5 + 0.5 * Math.cos((Math.PI * (at + 1)) / rest.length))));
  }
}

/** 10 ms: long enough to avoid a click, too short to be missed. */
const TAIL_SAMPLES = SAMPLE_RATE / 100;
