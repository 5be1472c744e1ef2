import type { ReadStream } from 'node:tty';
import { ControlError } from './line.ts';

export interface Keys {
  /** Space or enter. */
  toggle(): void;
  louder(): void;
  quieter(): void;
  /** Ctrl-C, Ctrl-D or q: in raw mode the terminal raises no signal for them. */
  quit(): void;
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** What one chunk of typed characters means, in order. */
export function press(typed: string, keys: Keys): void {
  for (const key of typed) {
    if (key === ' ' || key === '\r' || key === '\n') keys.toggle();
    else if (key === '+' || key === '=') keys.louder();
    else if (key === '-') keys.quieter();
    else if (key === 'q' || key === CTRL_C || key === CTRL_D) keys.quit();
  }
}

/**
 * Reads single keys from the terminal.
 * @returns a function that gives the terminal back as it was
 * @throws {ControlError} no-terminal
 */
export function listenToKeyboard(keys: Keys, input: ReadStream = process.stdin): () => void {
  if (!input.isTTY)
    throw new ControlError(
      'no-terminal',
      'keyboard controls need a terminal: start this in one, or choose --controls socket',
    );
  const onData = (typed: Buffer): void => press(typed.toString('latin1'), keys);
  input.setRawMode(true).on('data', onData).resume();
  return () => {
    input.off('data', onData).setRawMode(false);
    input.pause();
  };
}
