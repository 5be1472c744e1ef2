import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import type { Bias, LineAddress } from './gpio-abi.ts';
import { ControlError } from './line.ts';
import type { InputLine } from './line.ts';

const BIAS: Readonly<Record<Bias, string>> = { 'pull-up': 'pull-up', 'pull-down': 'pull-down', off: 'disabled' };
const ANSWER_LIMIT_MS = 2_000;

/**
 * A line through libgpiod 2's command-line tools: for a machine that has no koffi. `gpiodetect` finds the chip,
 * `gpioget` tells the level at the start, `gpiomon` the edges.
 */
export class GpiomonInput implements InputLine {
  readonly description: string;
  readonly #address: LineAddress;
  readonly #bias: Bias;
  #monitor: ChildProcess | undefined;
  #stopped = false;

  constructor(address: LineAddress, bias: Bias) {
    this.description = `${address.chip} line ${address.line}, by gpiomon`;
    this.#address = address;
    this.#bias = bias;
  }

  start(level: (active: boolean) => void, broken: (error: ControlError) => void): void {
    this.#begin(level, broken).catch((cause: unknown) => {
      if (!this.#stopped)
        broken(
          cause instanceof ControlError ? cause : this.#over(String((cause as NodeJS.ErrnoException).code ?? cause)),
        );
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#monitor?.kill('SIGKILL');
  }

  async #begin(level: (active: boolean) => void, broken: (error: ControlError) => void): Promise<void> {
    const line = this.#lineArguments(chipNamed(this.#address.chip, await answer('gpiodetect', [])));
    // Only one process can hold the line: first read the level, then watch the edges.
    level((await answer('gpioget', ['--numeric', ...line])).trim() === '1');
    if (!this.#stopped) this.#watch(line, level, broken);
  }

  #watch(line: readonly string[], level: (active: boolean) => void, broken: (error: ControlError) => void): void {
    const monitor = spawn('gpiomon', ['--edges=both', '--debounce-period=5ms', '--format=%e', ...line], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#monitor = monitor;
    let rest = '';
    monitor.stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!.slice(0, 16);
      for (const edge of lines) if (edge === '1' || edge === '2') level(edge === '1');
    });
    monitor.once('error', () => {});
    monitor.once('close', (code, signal) => {
      if (!this.#stopped) broken(this.#over(String(signal ?? code)));
    });
  }

  /** An edge is 1 when the logical level rises and 2 when it falls. */
  #lineArguments(chip: string): string[] {
    const { line, activeLow } = this.#address;
    return [`--chip=${chip}`, `--bias=${BIAS[this.#bias]}`, ...(activeLow ? ['--active-low'] : []), String(line)];
  }

  #over(why: string): ControlError {
    return new ControlError(
      'broken',
      `${this.description} cannot be read (${why}); libgpiod 2 is needed: apt install gpiod`,
    );
  }
}

async function answer(program: string, argumentsOf: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, argumentsOf, { timeout: ANSWER_LIMIT_MS })).stdout;
}

/** From lines such as `gpiochip0 [pinctrl-bcm2711] (58 lines)`. @throws {ControlError} no-chip */
export function chipNamed(label: string, listing: string): string {
  const found = [...listing.matchAll(/^(\S+) \[(.*)\] \(\d+ lines?\)$/gm)].find(([, , each]) => each === label);
  if (found === undefined)
    throw new ControlError('no-chip', `there is no GPIO chip '${label}'; choose the profile of this board`);
  return found[1]!;
}
