import { setTimeout as sleep } from 'node:timers/promises';
import type { SoundCard } from '../lib/sound-card.ts';
import { clip } from '../lib/speech.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';

/** Whoever speaks into the receiver: silence, until there is something to say. */
export class Caller {
  #left: Int16Array = new Int16Array(0);

  constructor(card: SoundCard) {
    card.play('micfeed', () => {
      const frame = new Int16Array(FRAME_SAMPLES);
      frame.set(this.#left.subarray(0, FRAME_SAMPLES));
      this.#left = this.#left.subarray(FRAME_SAMPLES);
      return frame;
    });
  }

  /** Resolves when the last word is out. @param name of a recording of server-stub/voices/caller */
  async says(name: string): Promise<void> {
    this.#left = clip('caller', `${name}.wav`);
    await sleep((1_000 * this.#left.length) / SAMPLE_RATE);
  }
}
