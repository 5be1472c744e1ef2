import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { OutputLine } from './line.ts';

/** On, off, on, off … ms, repeated. A single number: on until the next pattern. */
export type BlinkPattern = readonly number[];

/** The lamp on one output line. It plays a pattern; what the pattern means is decided in `panel/lamp-states.ts`. */
export class Lamp {
  readonly #line: OutputLine;
  readonly #clock: Clock;
  #pattern: BlinkPattern = [];
  #sinceMs = 0;
  #next: Timer | undefined;

  constructor(line: OutputLine, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  /** The pattern that is already playing goes on; it does not start again. */
  play(pattern: BlinkPattern): void {
    if (pattern === this.#pattern) return;
    this.#pattern = pattern;
    this.#sinceMs = this.#clock.now();
    this.#next?.cancel();
    this.#step();
  }

  /** A dark lamp is a phone that is off. */
  close(): void {
    this.#next?.cancel();
    this.#line.set(false);
    this.#line.close();
  }

  #step(): void {
    const { lit, forMs } = stepAt(this.#pattern, Math.round(this.#clock.now() - this.#sinceMs));
    this.#line.set(lit);
    if (Number.isFinite(forMs)) this.#next = this.#clock.after(forMs, () => this.#step());
  }
}

/** Whether the lamp is lit `atMs` after the pattern began, and how much longer it stays so. */
export function stepAt(pattern: BlinkPattern, atMs: number): { readonly lit: boolean; readonly forMs: number } {
  if (pattern.length < 2) return { lit: true, forMs: Infinity };
  let restMs = atMs % pattern.reduce((sum, ms) => sum + ms, 0);
  let step = 0;
  while (restMs >= pattern[step]!) restMs -= pattern[step++]!;
  return { lit: step % 2 === 0, forMs: pattern[step]! - restMs };
}
