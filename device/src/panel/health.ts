import type { Clock } from '../../../common/src/time/clock.ts';

/** One loop of the daemon: while it is expected to run, it must beat. */
export interface Heartbeat {
  beat(): void;
  /** True: from now on it must beat at least every `limitMs`. False: it need not. */
  expect(expected: boolean): void;
}

/**
 * Whether the daemon works. The event loop may turn while sound has stopped or a link is not served, so systemd's
 * watchdog is notified only while no loop has stalled.
 */
export class Health {
  readonly #clock: Clock;
  readonly #loops: { readonly name: string; readonly limitMs: number; lastMs: number; expected: boolean }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** While it is expected to run, the loop may pause for `limitMs`. */
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

  /** Names of the stalled loops; empty: all is well. */
  get stalled(): readonly string[] {
    const nowMs = this.#clock.now();
    return this.#loops
      .filter(({ expected, lastMs, limitMs }) => expected && nowMs - lastMs > limitMs)
      .map(({ name }) => name);
  }
}
