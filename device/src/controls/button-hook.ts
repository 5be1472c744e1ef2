import type { Clock } from '../../../common/src/time/clock.ts';
import { Debouncer } from './debounce.ts';
import type { HookHandlers, HookSwitch } from './hook-switch.ts';
import type { InputLine } from './line.ts';

const BUTTON_SETTLE_MS = 30;
/** A trembling hand presses twice: within this time a second press does not end the call. */
const TREMBLE_MS = 2_000;

/**
 * One push button in the place of a handset: a press begins a call, the next one ends it. It acts when pressed, not
 * when released, so a hand that rests on the button still gets its call. When no call is up, or the call has ended by
 * itself (`callOver`), a press always begins one.
 */
export class ButtonHook implements HookSwitch {
  readonly description: string;
  readonly #line: InputLine;
  readonly #clock: Clock;
  #debouncer: Debouncer | undefined;
  #liftedMs: number | undefined;

  constructor(line: InputLine, clock: Clock) {
    this.description = `button on ${line.description}`;
    this.#line = line;
    this.#clock = clock;
  }

  start(handlers: HookHandlers): void {
    let known = false;
    this.#debouncer = new Debouncer(this.#clock, BUTTON_SETTLE_MS, (pressed) => {
      // A button that is held, or stuck, when the phone starts is no press.
      if (pressed && known) this.#press(handlers);
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

  callOver(): void {
    this.#liftedMs = undefined;
  }

  #press(handlers: HookHandlers): void {
    const nowMs = this.#clock.now();
    if (this.#liftedMs === undefined) {
      this.#liftedMs = nowMs;
      handlers.lifted();
    } else if (nowMs - this.#liftedMs >= TREMBLE_MS) {
      this.#liftedMs = undefined;
      handlers.hungUp('hangup');
    }
  }
}
