import { framesOf } from '../../../common/src/audio/framer.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';

/** What a companion of the tests says: noise that is the same in every process, each half frame of it unlike any other. */
export function recitation(seconds: number): Int16Array {
  const samples = new Int16Array(Math.round((seconds * SAMPLE_RATE) / FRAME_SAMPLES) * FRAME_SAMPLES);
  let state = 1;
  for (let index = 0; index < samples.length; index++) {
    // Numerical Recipes' generator; −20 dBFS or so.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    samples[index] = (state >>> 18) - 8_192;
  }
  return samples;
}

/** How much of a recitation was heard, compared sample by sample. Frames are numbered from 0. */
export interface Hearing {
  /** Frames heard, in the order they were heard in. */
  readonly heard: readonly number[];
  /** Frames that are not, sample for sample, what was said, though nothing came between them and the one before. */
  readonly altered: readonly number[];
}

/**
 * A frame is known by its last 10 ms: in its first 10 ms a frame that follows noise or a prompt is blended with it.
 * Every other frame must be there to the last sample.
 */
export function hearing(heard: Int16Array, said: Int16Array): Hearing {
  const numbers = new Map(framesOf(said).map((frame, number) => [keyOf(frame), number]));
  const order: number[] = [];
  const altered: number[] = [];
  let before: number | undefined;
  for (const frame of framesOf(heard)) {
    const number = numbers.get(keyOf(frame));
    if (number !== undefined) {
      order.push(number);
      if (before !== undefined && !same(frame, said.subarray(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES)))
        altered.push(number);
    }
    before = number;
  }
  return { heard: order, altered };
}

/** 0 … count−1. */
export function wholeOf(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

export function frameCount(samples: Int16Array): number {
  return Math.floor(samples.length / FRAME_SAMPLES);
}

function keyOf(frame: Int16Array): string {
  return frame.subarray(FRAME_SAMPLES / 2).join();
}

function same(one: Int16Array, other: Int16Array): boolean {
  return one.every((sample, index) => sample === other[index]);
}
