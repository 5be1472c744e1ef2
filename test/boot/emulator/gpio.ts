import type { LineSocket } from './line-socket.ts';
import type { Qmp } from './qmp.ts';

const LIMIT_MS = 5_000;
/** Of the `virt` machine's memory map; the eight bits of the address above the lowest two choose the lines (PL061 manual, GPIODATA). */
const CHIP_ADDRESS = 0x0903_0000;

/**
 * Wires that lead into the emulated PL061. QEMU has no command to move one; its test protocol (`-qtest`) does, and
 * an unmodified guest sees every edge.
 */
export class GpioWires {
  readonly #qtest: LineSocket;
  readonly #chip: string;

  /** @throws {Error} the machine has no such chip */
  static async find(qmp: Qmp, qtest: LineSocket): Promise<GpioWires> {
    const folder = '/machine/unattached';
    const chip = (await qmp.children(folder)).find(({ type }) => type === 'child<pl061>');
    if (chip === undefined) throw new Error('this machine has no PL061');
    return new GpioWires(qtest, `${folder}/${chip.name}`);
  }

  private constructor(qtest: LineSocket, chip: string) {
    this.#qtest = qtest;
    this.#chip = chip;
  }

  /** Puts a level on an input. */
  async set(line: number, high: boolean): Promise<void> {
    await this.#ask(`set_irq_in ${this.#chip} unnamed-gpio-in ${line} ${high ? 1 : 0}`);
  }

  /** Whether a line is high, whoever drives it. */
  async isHigh(line: number): Promise<boolean> {
    return Number(await this.#ask(`readl 0x${(CHIP_ADDRESS + (4 << line)).toString(16)}`)) !== 0;
  }

  /** @returns what follows `OK`. @throws {Error} QEMU's own words */
  async #ask(command: string): Promise<string> {
    this.#qtest.write(command);
    const answer = await this.#qtest.next(LIMIT_MS);
    if (!answer.startsWith('OK')) throw new Error(`qtest: ${answer}`);
    return answer.slice(3);
  }
}
