/**
 * One wire of the board. Levels are logical: `true` is what the profile calls active (receiver up, button
 * pressed, LED lit), whatever the voltage.
 */
export interface InputLine {
  readonly description: string;
  /** Calls `level` with the level at the start, then at every change, bounces included. */
  start(level: (active: boolean) => void, broken: (error: ControlError) => void, mended?: () => void): void;
  stop(): void;
}

export interface OutputLine {
  readonly description: string;
  set(active: boolean): void;
  close(): void;
}

export type ControlFault =
  | 'not-installed' // koffi and gpiomon are both missing
  | 'no-chip' // no GPIO chip of that name
  | 'refused' // the kernel says no: rights, a busy line, a wrong number
  | 'broken' // it worked, and fails now
  | 'no-profile' // this way of lifting needs a board profile
  | 'no-terminal'; // keyboard controls without a terminal

/** A switch, button or lamp cannot be opened. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly fault: ControlFault;

  constructor(fault: ControlFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
