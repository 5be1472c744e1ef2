/** Time, as a parameter. Both ends are handed one; neither reads `Date` or sets a bare timer. */
export interface Clock {
  /** Monotonic, ms with fractions; its zero is arbitrary. */
  now(): number;
  /** Wall clock, ms since 1970: for reports only, never for arithmetic. */
  wallTime(): number;
  /** Runs `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` every `periodMs`, without accumulating drift. */
  every(periodMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Harmless when it has fired or was cancelled. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, callback) {
    let due = performance.now() + periodMs;
    let handle = setTimeout(tick, periodMs);
    function tick(): void {
      due += periodMs;
      const behindMs = performance.now() - due;
      // After a stall (suspend, a blocked loop) start a new grid instead of firing in a burst.
      if (behindMs > 10 * periodMs) due = performance.now() + periodMs;
      handle = setTimeout(tick, Math.max(0, due - performance.now()));
      callback();
    }
    return { cancel: () => clearTimeout(handle) };
  },
};
