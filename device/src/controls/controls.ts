import type { Clock } from '../../../common/src/time/clock.ts';
import type { Board } from '../settings/board-profile.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { ButtonHook } from './button-hook.ts';
import { CradleHook } from './cradle-hook.ts';
import { openInput, openOutput, systemGpio } from './gpio.ts';
import type { GpioKernel } from './gpio.ts';
import { GpiomonInput } from './gpiomon.ts';
import type { HookSwitch } from './hook-switch.ts';
import { listenToKeyboard } from './keyboard.ts';
import type { Keys } from './keyboard.ts';
import { Lamp } from './lamp.ts';
import { ControlError } from './line.ts';
import type { InputLine } from './line.ts';
import { ManualHook } from './manual-hook.ts';
import { ReopenedInput } from './reopened-line.ts';
import { ScriptedHook } from './scripted-hook.ts';

/** The hook switch that was asked for and the board's lamp. @throws {ControlError} no-profile, no-chip, refused */
export function openControls(kind: ControlKind, options: ControlOptions): Controls {
  // A single run uses none of the board's lines, and is not kept waiting for the library that reaches them.
  if (kind === 'script') return { ...HOOKS.script(options, undefined), lamp: undefined };
  const gpio = options.gpio ?? systemGpio();
  // The switch first: when it throws, the lamp's line is still free for whoever asks for help with it.
  const hook = HOOKS[kind](options, gpio);
  return { ...hook, lamp: openLamp(gpio, options) };
}

export interface Controls {
  readonly hook: HookSwitch;
  /** The same switch, where a program lifts and hangs up; undefined where a hand does. */
  readonly manual?: ManualHook;
  /** The same switch, where nobody lifts and the call is one run. */
  readonly script?: ScriptedHook;
  /** Reads the terminal's keys, where they are the controls; returns what gives the terminal back. */
  readonly listen?: (keys: Keys) => () => void;
  readonly lamp: Lamp | undefined;
}

export interface ControlOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly board: Board | undefined;
  /** `script` hangs up after this long. */
  readonly durationMs?: number | undefined;
  /** The kernel's, unless a test has a board of its own. */
  readonly gpio?: GpioKernel | undefined;
}

export type ControlKind = 'script' | 'gpio' | 'keyboard' | 'socket';

type OpenHook = (options: ControlOptions, gpio: GpioKernel | undefined) => Omit<Controls, 'lamp'>;

/** By the name that `--controls` takes. */
const HOOKS: Readonly<Record<ControlKind, OpenHook>> = {
  script: ({ clock, durationMs }) => {
    const script = new ScriptedHook(clock, durationMs);
    return { hook: script, script };
  },
  gpio: (options, gpio) => ({ hook: boardHook(gpio, options) }),
  keyboard: () => ({ ...manual('keyboard'), listen: listenToKeyboard }),
  socket: () => manual('socket'),
};

/** By the kind of switch that the board profile names. */
const BOARD_HOOKS = { cradle: CradleHook, button: ButtonHook } as const;

function manual(description: string): Pick<Controls, 'hook' | 'manual'> {
  const hook = new ManualHook(description);
  return { hook, manual: hook };
}

function boardHook(gpio: GpioKernel | undefined, { board, clock, log }: ControlOptions): HookSwitch {
  const wiring = board?.profile.switch;
  if (wiring === undefined)
    throw new ControlError(
      'no-profile',
      'GPIO controls need a board with a switch: name it with --board, or choose --controls keyboard or socket',
    );
  const open = (): InputLine =>
    gpio === undefined ? new GpiomonInput(wiring, wiring.bias) : openInput(gpio, wiring, wiring.bias, clock);
  return new BOARD_HOOKS[wiring.kind](new ReopenedInput({ open, clock, log }), clock);
}

/** A phone works without its lamp: what is wrong is logged, and the phone goes on. */
export function openLamp(gpio: GpioKernel | undefined, { board, clock, log }: ControlOptions): Lamp | undefined {
  const wiring = board?.profile.led;
  if (wiring === undefined) return undefined;
  try {
    if (gpio === undefined)
      throw new ControlError('not-installed', 'koffi is not installed, and nothing else here can hold a line');
    return new Lamp(openOutput(gpio, wiring), clock, log);
  } catch (error) {
    log.warn('controls.no-lamp', { reason: (error as Error).message });
    return undefined;
  }
}
