import type { Clock } from '../../../common/src/time/clock.ts';
import { Debouncer } from './debounce.ts';
import type { HookHandlers, HookSwitch } from './hook-switch.ts';
import type { InputLine } from './line.ts';

/** Cradle contacts bounce for 5 to 20 ms; nobody puts a receiver down for less than this. */
const HOOK_SETTLE_MS = 40;

/** The handset's cradle: an active line is a receiver that is up. */
export class CradleHook implements HookSwitch {
  readonly description: string;
  readonly #line: InputLine;
  readonly #clock: Clock;
  #debouncer: Debouncer | undefined;

  constructor(line: InputLine, clock: Clock) {
    this.description = `handset on ${line.description}`;
    this.#line = line;
    this.#clock = clock;
  }

  /** A receiver that is up when the phone starts begins a call: somebody may be waiting since the power came back. */
  start(handlers: HookHandlers): void {
    let known = false;
    this.#debouncer = new Debouncer(this.#clock, HOOK_SETTLE_MS, (up) => {
      if (up) handlers.lifted();
      else if (known) handlers.hungUp('hangup');
      known = true;
    });
    this.#line.start(
      (active) => this.#debouncer?.level(active),
      (error) => handlers.broken?.(error),
      () => handlers.mended?.(),
    );
  }

  stop(): void {
    this.#debouncer?.stop();
    this.#debouncer = undefined;
    this.#line.stop();
  }
}
