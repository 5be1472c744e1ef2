import type { Clock } from '../../../common/src/time/clock.ts';

/** Who reports it. */
export type SoundTroubleSource = 'stream' | 'card' | 'microphone' | 'process';

/**
 * All that is wrong with the sound, as one line for the lamp and `status`: each source says its own and takes back only
 * its own. A card that comes and goes every second is one trouble and not sixty: it is over only when it has been over
 * for a while, and its words change no more often than that.
 */
export class SoundTrouble {
  readonly #clock: Clock;
  readonly #show: (what: string | undefined) => void;
  readonly #troubles = new Map<SoundTroubleSource, { what: string; wellSinceMs: number | undefined }>();

  constructor(clock: Clock, show: (what: string | undefined) => void) {
    this.#clock = clock;
    this.#show = show;
  }

  /** @param what is wrong, for a person; undefined: nothing. Told again as often as the source likes */
  report(source: SoundTroubleSource, what: string | undefined): void {
    const known = this.#troubles.get(source);
    if (what !== undefined) {
      if (known === undefined) this.#troubles.set(source, { what, wellSinceMs: undefined });
      else known.wellSinceMs = undefined;
    } else if (known !== undefined) known.wellSinceMs ??= this.#clock.now();
    this.tick();
  }

  /** To be called once a second. */
  tick(): void {
    const nowMs = this.#clock.now();
    for (const [source, { wellSinceMs }] of this.#troubles)
      if (wellSinceMs !== undefined && nowMs - wellSinceMs >= OVER_MS) this.#troubles.delete(source);
    const whats = [...this.#troubles.values()].map(({ what }) => what);
    this.#show(whats.length === 0 ? undefined : whats.join('; '));
  }
}

/** Well for so long, and it is over. ms */
const OVER_MS = 5_000;
