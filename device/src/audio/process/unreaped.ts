import type { Clock } from '../../../../common/src/time/clock.ts';

/**
 * Sound processes that were killed and are not gone yet: a driver that hangs holds them in the kernel (state D), and
 * every other would only join them. Two, and no third is started. The daemon has one of these for its whole life:
 * each lift of the receiver brings a stream of its own, and all of them share one memory limit.
 */
export class Unreaped {
  #count = 0;
  #fullSinceMs: number | undefined;

  /** @param gone resolves when the killed process has ended */
  add(gone: Promise<void>, clock: Clock): void {
    this.#count++;
    if (this.full) this.#fullSinceMs ??= clock.now();
    void gone.then(() => {
      this.#count--;
      if (!this.full) this.#fullSinceMs = undefined;
    });
  }

  get count(): number {
    return this.#count;
  }

  /** No other may be started. */
  get full(): boolean {
    return this.#count >= MOST;
  }

  /** Full for so long that these will not end by themselves. */
  isStuck(clock: Clock): boolean {
    return this.#fullSinceMs !== undefined && clock.now() - this.#fullSinceMs >= STUCK_AFTER_MS;
  }
}

const MOST = 2;
/** A write to a slow card ends within seconds, and with it the process. ms */
const STUCK_AFTER_MS = 10_000;
