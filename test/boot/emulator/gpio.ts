import type { LineSocket } from './line-socket.ts';
import type { Qmp } from './qmp.ts';

const LIMIT_MS = 5_000;

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

  /** @throws {Error} QEMU's own words */
  async set(line: number, high: boolean): Promise<void> {
    this.#qtest.write(`set_irq_in ${this.#chip} unnamed-gpio-in ${line} ${high ? 1 : 0}`);
    const answer = await this.#qtest.next(LIMIT_MS);
    if (answer !== 'OK') throw new Error(`qtest: ${answer}`);
  }
}
