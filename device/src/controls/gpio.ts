import { closeSync, openSync, readdirSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import { LIBC, loadKoffi } from '../../../common/src/system/native-library.ts';
import type { Koffi } from '../../../common/src/system/native-library.ts';
import {
  chipInfo,
  chipLabel,
  inputRequest,
  Ioctl,
  isActive,
  lineDescriptor,
  lineValues,
  outputRequest,
} from './gpio-abi.ts';
import type { Bias, LineAddress } from './gpio-abi.ts';
import { ControlError } from './line.ts';
import type { InputLine, OutputLine } from './line.ts';

/** The kernel filters the bounces of a good contact, `Debouncer` the rest. */
const KERNEL_DEBOUNCE_US = 5_000;
/**
 * Node can wait on such a descriptor only by blocking a thread. Reading the level costs a microsecond, and nobody
 * notices a delay of 20 ms.
 */
const SAMPLE_MS = 20;

/** System calls on GPIO chips, as a port: a test hands in a board of its own. */
export interface GpioKernel {
  /** Paths of the chips there are. */
  chips(): string[];
  open(path: string): number;
  close(descriptor: number): void;
  /** @throws {Error} with `code` */
  ioctl(descriptor: number, request: number, argument: Buffer): void;
}

/** @returns undefined where koffi is not installed */
export function systemGpio(): GpioKernel | undefined {
  const koffi = loadKoffi();
  if (koffi === undefined) return undefined;
  const ioctl = koffi.load(LIBC).func('int ioctl(int fd, unsigned long request, void *argument)');
  return {
    chips: () =>
      readdirSync('/dev')
        .filter((name) => /^gpiochip\d+$/.test(name))
        .sort()
        .map((name) => `/dev/${name}`),
    open: (path) => openSync(path, 'r+'),
    close: closeSync,
    ioctl(descriptor, request, argument) {
      if (Number(ioctl(descriptor, request, argument)) < 0) throw systemError(koffi);
    },
  };
}

function systemError(koffi: Koffi): Error {
  const code = getSystemErrorName(-koffi.errno());
  return Object.assign(new Error(code), { code });
}

/** @throws {ControlError} no-chip, refused */
export function openInput(kernel: GpioKernel, address: LineAddress, bias: Bias, clock: Clock): InputLine {
  return new GpioInput(
    kernel,
    clock,
    nameOf(address),
    openLine(kernel, address, inputRequest(address, bias, KERNEL_DEBOUNCE_US)),
  );
}

/** @throws {ControlError} no-chip, refused */
export function openOutput(kernel: GpioKernel, address: LineAddress): OutputLine {
  const descriptor = openLine(kernel, address, outputRequest(address));
  return {
    description: nameOf(address),
    set: (active) => kernel.ioctl(descriptor, Ioctl.setValues, lineValues(active)),
    close: () => kernel.close(descriptor),
  };
}

class GpioInput implements InputLine {
  readonly description: string;
  readonly #kernel: GpioKernel;
  readonly #clock: Clock;
  readonly #descriptor: number;
  #sample: Timer | undefined;

  constructor(kernel: GpioKernel, clock: Clock, description: string, descriptor: number) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.description = description;
    this.#descriptor = descriptor;
  }

  start(level: (active: boolean) => void, broken: (error: ControlError) => void): void {
    let last: boolean | undefined;
    const sample = (): void => {
      try {
        const values = lineValues(false);
        this.#kernel.ioctl(this.#descriptor, Ioctl.getValues, values);
        if (isActive(values) === last) return;
        last = isActive(values);
      } catch (cause) {
        this.#sample?.cancel();
        return broken(
          new ControlError('broken', `${this.description} cannot be read (${codeOf(cause)}): check its wires`, {
            cause,
          }),
        );
      }
      level(last);
    };
    this.#sample = this.#clock.every(SAMPLE_MS, sample);
    sample();
  }

  stop(): void {
    this.#sample?.cancel();
    this.#kernel.close(this.#descriptor);
  }
}

function openLine(kernel: GpioKernel, address: LineAddress, request: Buffer): number {
  const chip = findChip(kernel, address.chip);
  try {
    kernel.ioctl(chip, Ioctl.getLine, request);
  } catch (cause) {
    const why =
      codeOf(cause) === 'EBUSY'
        ? 'another program holds it; `gpioinfo` tells which'
        : "check the line's number in the board profile";
    throw new ControlError('refused', `${nameOf(address)} cannot be had (${codeOf(cause)}): ${why}`, { cause });
  } finally {
    // The granted line has its own descriptor.
    kernel.close(chip);
  }
  return lineDescriptor(request);
}

/** @returns the open chip that carries this label */
function findChip(kernel: GpioKernel, label: string): number {
  const seen: string[] = [];
  for (const path of kernel.chips()) {
    const chip = openChip(kernel, path);
    const info = chipInfo();
    kernel.ioctl(chip, Ioctl.chipInfo, info);
    if (chipLabel(info) === label) return chip;
    seen.push(chipLabel(info));
    kernel.close(chip);
  }
  const there = seen.length === 0 ? 'this machine has none' : `there are ${seen.join(', ')}`;
  throw new ControlError('no-chip', `there is no GPIO chip '${label}' (${there}); choose the profile of this board`);
}

function openChip(kernel: GpioKernel, path: string): number {
  try {
    return kernel.open(path);
  } catch (cause) {
    throw new ControlError(
      'refused',
      `${path} cannot be opened (${codeOf(cause)}): this user must be in the group gpio`,
      { cause },
    );
  }
}

function nameOf({ chip, line }: LineAddress): string {
  return `${chip} line ${line}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
