import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';

/**
 * One end's own clock, over the simulation's true time: it runs fast or slow, its wall clock is wrong and may be set
 * while it runs, it counts the timers that are open, and it stops dead with its machine.
 */
export class EndClock implements Clock {
  readonly #master: VirtualClock;
  readonly #rate: number;
  readonly #startMs: number;
  #wallOffsetMs: number;
  #open = 0;
  #dead = false;

  /** @param ppm how much faster than true time this clock runs, in parts per million */
  constructor(master: VirtualClock, ppm: number, wallOffsetMs = 0) {
    this.#master = master;
    this.#rate = 1 + ppm / 1e6;
    this.#startMs = master.now();
    this.#wallOffsetMs = wallOffsetMs;
  }

  now(): number {
    return (this.#master.now() - this.#startMs) * this.#rate;
  }

  wallTime(): number {
    return this.#master.wallTime() + this.#wallOffsetMs;
  }

  /** Somebody sets the wall clock, as NTP does after a boot without a battery. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Timers set and neither fired nor cancelled. */
  get open(): number {
    return this.#open;
  }

  after(delayMs: number, callback: () => void): Timer {
    let over = false;
    this.#open++;
    const timer = this.#master.after(delayMs / this.#rate, () => {
      if (over) return;
      over = true;
      this.#open--;
      if (!this.#dead) callback();
    });
    return {
      cancel: () => {
        if (over) return;
        over = true;
        this.#open--;
        timer.cancel();
      },
    };
  }

  every(periodMs: number, callback: () => void): Timer {
    let over = false;
    this.#open++;
    const timer = this.#master.every(periodMs / this.#rate, () => {
      if (this.#dead) timer.cancel();
      else callback();
    });
    return {
      cancel: () => {
        if (over) return;
        over = true;
        this.#open--;
        timer.cancel();
      },
    };
  }

  /** The power goes, or the process is killed: nothing that was set fires any more. */
  kill(): void {
    this.#dead = true;
  }
}
