/** Which of the six promises was broken; the numbers are those of `README.md` in this folder. */
export type Invariant = 1 | 2 | 3 | 4 | 5 | 6;

export interface Violation {
  readonly invariant: Invariant;
  /** Short and stable: a script shrinks as long as it shows the same one. */
  readonly code: string;
  /** True time since the start of the run. */
  readonly atMs: number;
  readonly message: string;
}

/** Collects what went wrong in one run; the first few say enough. */
export class Verdict {
  readonly violations: Violation[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  fail(invariant: Invariant, code: string, message: string): void {
    if (this.violations.length < MOST)
      this.violations.push({ invariant, code, atMs: Math.round(this.#now() * 10) / 10, message });
  }
}

const MOST = 20;
