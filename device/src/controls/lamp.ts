import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { LogBrake } from '../../../common/src/system/log-brake.ts';
import type { OutputLine } from './line.ts';

/** On, off, on, off … ms, repeated. A single number: on until the next pattern. */
export type BlinkPattern = readonly number[];

/** The lamp on one output line. It plays a pattern; what the pattern means is decided in `panel/lamp-states.ts`. */
export class Lamp {
  readonly #line: OutputLine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #failures: LogBrake;
  #pattern: BlinkPattern = [];
  #sinceMs = 0;
  #next: Timer | undefined;

  constructor(line: OutputLine, clock: Clock, log: Log) {
    this.#line = line;
    this.#clock = clock;
    this.#log = log;
    this.#failures = new LogBrake(clock);
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
    this.#set(false);
    try {
      this.#line.close();
    } catch {
      // A line that is broken and let go.
    }
  }

  #step(): void {
    const { lit, forMs } = stepAt(this.#pattern, Math.round(this.#clock.now() - this.#sinceMs));
    const nextMs = this.#set(lit) ? forMs : Math.min(forMs, RETRY_MS);
    if (Number.isFinite(nextMs)) this.#next = this.#clock.after(nextMs, () => this.#step());
  }

  /** A phone works without its lamp: what fails is logged, and tried again. */
  #set(lit: boolean): boolean {
    try {
      this.#line.set(lit);
      return true;
    } catch (error) {
      const more = this.#failures.pass();
      if (more !== undefined)
        this.#log.warn('controls.lamp-failed', { reason: (error as Error).message, ...(more > 0 && { more }) });
      return false;
    }
  }
}

const RETRY_MS = 1_000;

/** Whether the lamp is lit `atMs` after the pattern began, and how much longer it stays so. */
export function stepAt(pattern: BlinkPattern, atMs: number): { readonly lit: boolean; readonly forMs: number } {
  if (pattern.length < 2) return { lit: true, forMs: Infinity };
  let restMs = atMs % pattern.reduce((sum, ms) => sum + ms, 0);
  let step = 0;
  while (restMs >= pattern[step]!) restMs -= pattern[step++]!;
  return { lit: step % 2 === 0, forMs: pattern[step]! - restMs };
}
