import type { Clock } from '../../../common/src/time/clock.ts';

/** One loop of the daemon that must go on: it beats, or it is not expected to. */
export interface Heartbeat {
  beat(): void;
  /** From now on it must beat at least every `limitMs`; or need not any more. */
  expect(expected: boolean): void;
}

/**
 * Whether the daemon does what it is there for. A process whose event loop turns may still have sound that stands
 * still, or a link that nobody serves; systemd's watchdog is fed only while nothing has stalled.
 */
export class Health {
  readonly #clock: Clock;
  readonly #loops: { readonly name: string; readonly limitMs: number; lastMs: number; expected: boolean }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A loop that is allowed to be still for `limitMs` while it is expected. */
  loop(name: string, limitMs: number): Heartbeat {
    const loop = { name, limitMs, lastMs: this.#clock.now(), expected: false };
    this.#loops.push(loop);
    return {
      beat: () => {
        loop.lastMs = this.#clock.now();
      },
      expect: (expected) => {
        if (expected && !loop.expected) loop.lastMs = this.#clock.now();
        loop.expected = expected;
      },
    };
  }

  /** Names of the loops that have stood still for too long; empty: all is well. */
  get stalled(): readonly string[] {
    const nowMs = this.#clock.now();
    return this.#loops
      .filter(({ expected, lastMs, limitMs }) => expected && nowMs - lastMs > limitMs)
      .map(({ name }) => name);
  }
}
