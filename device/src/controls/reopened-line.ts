import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { LogBrake } from '../../../common/src/system/log-brake.ts';
import { ControlError } from './line.ts';
import type { InputLine } from './line.ts';

/** An input line that is opened again, for ever, when it breaks: a phone lives on its switch. */
export class ReopenedInput implements InputLine {
  readonly description: string;
  readonly #options: ReopenedInputOptions;
  readonly #failures: LogBrake;
  /** Undefined between its end and the next opening. */
  #line: InputLine | undefined;
  #again: Timer | undefined;
  #attempt = 0;
  #openedMs = 0;
  #broken = false;
  #stopped = false;

  /** Opens the line for the first time. @throws {ControlError} what `open` throws */
  constructor(options: ReopenedInputOptions) {
    this.#options = options;
    this.#failures = new LogBrake(options.clock);
    this.#line = options.open();
    this.description = this.#line.description;
  }

  start(level: (active: boolean) => void, broken: (error: ControlError) => void, mended?: () => void): void {
    const { clock, log } = this.#options;
    this.#openedMs = clock.now();
    const read = (active: boolean): void => {
      if (this.#broken) {
        this.#broken = false;
        log.info('controls.switch-mended', { line: this.description });
        mended?.();
      }
      level(active);
    };
    const failed = (error: ControlError): void => {
      if (this.#stopped) return;
      this.#log(error);
      this.#letGo();
      this.#broken = true;
      broken(error);
      this.#again = clock.after(this.#nextDelayMs(), open);
    };
    const open = (): void => {
      try {
        this.#openedMs = clock.now();
        this.#line ??= this.#options.open();
        this.#line.start(read, failed);
      } catch (error) {
        failed(error instanceof ControlError ? error : new ControlError('broken', String(error), { cause: error }));
      }
    };
    open();
  }

  stop(): void {
    this.#stopped = true;
    this.#again?.cancel();
    this.#letGo();
  }

  /** A line that has held for a while begins with the shortest wait again. */
  #nextDelayMs(): number {
    if (this.#options.clock.now() - this.#openedMs > HELD_MS) this.#attempt = 0;
    return Math.min(FIRST_MS * 2 ** this.#attempt++, LONGEST_MS);
  }

  #letGo(): void {
    const line = this.#line;
    this.#line = undefined;
    try {
      line?.stop();
    } catch {
      // The line is broken; that it cannot be closed is no news.
    }
  }

  #log(error: ControlError): void {
    const held = this.#failures.pass();
    if (held === undefined) return;
    const more = held > 0 && { more: held };
    this.#options.log.error('controls.switch-broken', { fault: error.fault, reason: error.message, ...more });
  }
}

export interface ReopenedInputOptions {
  readonly open: () => InputLine;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_MS = 250;
const LONGEST_MS = 10_000;
/** Longer than the longest wait. */
const HELD_MS = 20_000;
