/**
 * The volume control: a gain on the samples, not the sound card's mixer. Mixers differ from card to card in name,
 * range and steps, some cards have none, and every one of them can be turned to silence; this one cannot, sounds
 * the same on every phone and is tested without a card. The card's own mixer is set once, by the board profile.
 */

/** Levels 0 … 9. */
export const MAX_VOLUME = 9;
/** Full scale in, full scale out: samples pass untouched. */
export const DEFAULT_VOLUME = 6;
const STEP_DB = 3;

/** −18 dB at level 0: quiet, and still a voice in a quiet room. +9 dB at the top, for people who hear badly. */
export function gainOf(level: number): number {
  return 10 ** (((clampVolume(level) - DEFAULT_VOLUME) * STEP_DB) / 20);
}

/** The nearest level there is. */
export function clampVolume(level: number): number {
  return Math.min(MAX_VOLUME, Math.max(0, Math.round(level)));
}

const FULL_SCALE = 32_768;
const LOUDEST = 32_767 / FULL_SCALE;
/** From here on louder samples are bent, not clipped. */
const KNEE = 0.7;

/** The last stage before the speaker. Works in place; a new level is reached over one frame, without a click. */
export class VolumeStage {
  #level: number;
  #gain: number;

  constructor(level: number = DEFAULT_VOLUME) {
    this.#level = clampVolume(level);
    this.#gain = gainOf(this.#level);
  }

  get level(): number {
    return this.#level;
  }

  set level(level: number) {
    this.#level = clampVolume(level);
  }

  apply(samples: Int16Array): void {
    const target = gainOf(this.#level);
    if (target === 1 && this.#gain === 1) return;
    const step = (target - this.#gain) / samples.length;
    for (let index = 0; index < samples.length; index++) {
      this.#gain += step;
      samples[index] = Math.round(bend((samples[index]! / FULL_SCALE) * this.#gain) * FULL_SCALE);
    }
    this.#gain = target;
  }
}

/** Linear to the knee, then a curve that meets it without a corner and never goes past full scale. */
function bend(value: number): number {
  const size = Math.abs(value);
  if (size <= KNEE) return value;
  const room = LOUDEST - KNEE;
  return Math.sign(value) * (KNEE + room * Math.tanh((size - KNEE) / room));
}
