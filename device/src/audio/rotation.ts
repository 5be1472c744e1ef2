import type { AudioBackendName, AudioFault } from './ports.ts';

/** Waits before the first, second … respawn since sound last held; the last one repeats. ms */
const RESPAWN_WAITS_MS: readonly number[] = [100, 250, 500, 1000];
/** Between tries while no card was ever seen: one may still be plugged in, and a search costs a process start. ms */
const SEARCH_WAIT_MS = 5000;
/** Between tries when nothing is installed that could work. ms */
const NOT_INSTALLED_WAIT_MS = 60_000;
const FAILURE_WINDOW_MS = 60_000;
const FAILURES_TO_MOVE_ON = 3;
/** Sound that ran this long counts as mended: the next failure is answered quickly again. ms */
const HELD_MS = 10_000;

export interface NextTry {
  readonly backend: AudioBackendName;
  readonly waitMs: number;
}

/**
 * Which backend to try next, and when. Three failures within a minute move on to the next; the last is
 * followed by the first again, for ever, because a phone that has given up its sound is of no use to anybody.
 * One whose parts are not installed leaves the rotation. Pure: it is told the time.
 */
export class BackendRotation {
  #names: readonly AudioBackendName[];
  #at = 0;
  #failuresMs: number[] = [];
  #failuresSinceHeld = 0;
  #everRan = false;

  /** @param names at least one; the first is tried first */
  constructor(names: readonly AudioBackendName[]) {
    this.#names = names;
  }

  get current(): AudioBackendName {
    return this.#names[this.#at]!;
  }

  /**
   * @param ranMs how long sound had run in both directions; 0 when it never did
   * @returns what to try next
   */
  failed(nowMs: number, fault: AudioFault, ranMs: number): NextTry {
    if (ranMs > 0) this.#everRan = true;
    if (ranMs >= HELD_MS) this.#failuresSinceHeld = 0;
    const waitMs = this.#waitMs(fault);
    this.#failuresSinceHeld++;
    this.#failuresMs = this.#failuresMs.filter((atMs) => nowMs - atMs < FAILURE_WINDOW_MS);
    this.#failuresMs.push(nowMs);
    if (fault === 'not-installed' || this.#failuresMs.length >= FAILURES_TO_MOVE_ON) this.passOver(fault);
    return { backend: this.current, waitMs };
  }

  /** On to the next at once. */
  passOver(fault: AudioFault): void {
    this.#failuresMs = [];
    if (fault !== 'not-installed') this.#at = (this.#at + 1) % this.#names.length;
    else if (this.#names.length > 1) {
      this.#names = this.#names.filter((name) => name !== this.current);
      this.#at %= this.#names.length;
    }
  }

  #waitMs(fault: AudioFault): number {
    if (fault === 'not-installed' && this.#names.length === 1) return NOT_INSTALLED_WAIT_MS;
    if (!this.#everRan) return SEARCH_WAIT_MS;
    return RESPAWN_WAITS_MS[Math.min(this.#failuresSinceHeld, RESPAWN_WAITS_MS.length - 1)]!;
  }
}
