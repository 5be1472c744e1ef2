import type { Clock } from '../../../common/src/time/clock.ts';
import type { Board, BoardProfile } from '../settings/board-profile.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { ButtonHook } from './button-hook.ts';
import { CradleHook } from './cradle-hook.ts';
import { openInput, openOutput, systemGpio } from './gpio.ts';
import type { GpioKernel } from './gpio.ts';
import { GpiomonInput } from './gpiomon.ts';
import type { HookSwitch } from './hook-switch.ts';
import { ControlError } from './line.ts';
import { ManualHook } from './manual-hook.ts';
import { StatusLed } from './lamp.ts';

export type ControlKind = 'gpio' | 'keyboard' | 'socket';

export interface Controls {
  readonly hook: HookSwitch;
  /** The same switch, where a program lifts and hangs up; undefined where a hand does. */
  readonly manual: ManualHook | undefined;
  readonly led: StatusLed | undefined;
}

export interface ControlOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly board: Board | undefined;
  /** The kernel's, unless a test has a board of its own. */
  readonly gpio?: GpioKernel | undefined;
}

/** The switch that was asked for, and the board's lamp. @throws {ControlError} no-profile, no-chip, refused */
export function openControls(kind: ControlKind, options: ControlOptions): Controls {
  const gpio = options.gpio ?? systemGpio();
  const led = openLed(gpio, options);
  if (kind === 'gpio') return { hook: boardHook(gpio, options), manual: undefined, led };
  const manual = new ManualHook(kind);
  return { hook: manual, manual, led };
}

function boardHook(gpio: GpioKernel | undefined, { board, clock, log }: ControlOptions): HookSwitch {
  const wiring = board?.profile.switch;
  if (wiring === undefined)
    throw new ControlError(
      'no-profile',
      'GPIO controls need a board with a switch: name it with --board, or choose --controls keyboard or socket',
    );
  const line = gpio === undefined ? new GpiomonInput(wiring, wiring.bias) : openInput(gpio, wiring, wiring.bias, clock);
  return wiring.kind === 'cradle' ? new CradleHook(line, clock, log) : new ButtonHook(line, clock, log);
}

/** A phone without a lamp is a phone: what is wrong is said, and it goes on. */
export function openLed(gpio: GpioKernel | undefined, { board, clock, log }: ControlOptions): StatusLed | undefined {
  const wiring: BoardProfile['led'] = board?.profile.led;
  if (wiring === undefined) return undefined;
  try {
    if (gpio === undefined)
      throw new ControlError('not-installed', 'koffi is not installed, and nothing else here can hold a line');
    return new StatusLed(openOutput(gpio, wiring), clock);
  } catch (error) {
    log.warn('no-led', { reason: (error as Error).message });
    return undefined;
  }
}
