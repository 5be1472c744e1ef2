import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { openControls } from '../../src/controls/controls.ts';
import { inputRequest, Ioctl, outputRequest } from '../../src/controls/gpio-abi.ts';
import { openInput, openOutput } from '../../src/controls/gpio.ts';
import type { GpioKernel } from '../../src/controls/gpio.ts';
import { chipNamed } from '../../src/controls/gpiomon.ts';
import type { ControlError } from '../../src/controls/line.ts';
import { loadBoard } from '../../src/settings/board-profile.ts';
import { silentLog } from '../../../common/src/system/log.ts';

/** What a C program that includes <linux/gpio.h> (Linux 6.1) laid out: every byte that is not zero, by its place. */
const CONSUMER = 'bestday-phone'.split('').map((letter, index) => [256 + index, letter.charCodeAt(0)] as const);
const C_INPUT = [
  [0, 0x11],
  ...CONSUMER,
  [288, 0x06],
  [289, 0x01],
  [296, 0x01],
  [320, 0x03],
  [328, 0x88],
  [329, 0x13],
  [336, 0x01],
  [560, 0x01],
];
const C_OUTPUT = [[0, 0x1b], ...CONSUMER, [288, 0x08], [296, 0x01], [320, 0x02], [336, 0x01], [560, 0x01]];
const C_NUMBERS = { chipInfo: 0x8044b401, getLine: 0xc250b407, getValues: 0xc010b40e, setValues: 0xc010b40f };

const bytesOf = (buffer: Buffer): (readonly [number, number])[] =>
  [...buffer].flatMap((byte, at) => (byte === 0 ? [] : [[at, byte] as const]));

describe('the GPIO interface of the kernel', () => {
  it('has the numbers of <linux/gpio.h>', () => assert.deepEqual(Ioctl, C_NUMBERS));

  it('lays an input request out as C does', () => {
    const request = inputRequest({ chip: 'x', line: 17, activeLow: true }, 'pull-up', 5_000);
    assert.deepEqual([request.length, bytesOf(request)], [592, C_INPUT]);
  });

  it('lays an output request out as C does', () => {
    assert.deepEqual(bytesOf(outputRequest({ chip: 'x', line: 27, activeLow: false })), C_OUTPUT);
  });
});

/** Two chips with a few lines, behind the real system calls' bytes. */
class FakeKernel implements GpioKernel {
  readonly levels = new Map<number, boolean>();
  readonly openOnes = new Set<number>();
  fails: string | undefined;
  readonly #labels: readonly string[];
  #next = 10;

  constructor(...labels: string[]) {
    this.#labels = labels;
  }

  chips(): string[] {
    return this.#labels.map((_, index) => `/dev/gpiochip${index}`);
  }

  open(path: string): number {
    const descriptor = Number(path.slice(-1));
    this.openOnes.add(descriptor);
    return descriptor;
  }

  close(descriptor: number): void {
    assert.ok(this.openOnes.delete(descriptor), 'closed twice');
  }

  ioctl(descriptor: number, request: number, argument: Buffer): void {
    if (request === Ioctl.chipInfo) {
      argument.write(this.#labels[descriptor]!, 32, 'latin1');
      return;
    }
    if (this.fails !== undefined) throw Object.assign(new Error(this.fails), { code: this.fails });
    if (request === Ioctl.getLine) {
      const line = this.#next++;
      this.openOnes.add(line);
      argument.writeInt32LE(line, 588);
    } else if (request === Ioctl.getValues) argument.writeBigUInt64LE(this.levels.get(descriptor) ? 1n : 0n, 0);
    else if (request === Ioctl.setValues) this.levels.set(descriptor, argument.readBigUInt64LE(0) === 1n);
  }
}

const ADDRESS = { chip: 'pinctrl-rp1', line: 23, activeLow: false };

describe('a GPIO line', () => {
  it("is found by its chip's label, tells its level, and every change within 20 ms", () => {
    const clock = new VirtualClock();
    const kernel = new FakeKernel('brcmvirt-gpio', 'pinctrl-rp1');
    const levels: [number, boolean][] = [];
    const line = openInput(kernel, ADDRESS, 'pull-up', clock);
    line.start((active) => levels.push([clock.now(), active]), assert.fail);
    clock.advance(105);
    kernel.levels.set(10, true);
    clock.advance(95);
    assert.deepEqual(levels, [
      [0, false],
      [120, true],
    ]);
    line.stop();
    assert.deepEqual([kernel.openOnes.size, clock.pending], [0, 0]);
  });

  it('drives a lamp', () => {
    const kernel = new FakeKernel('pinctrl-rp1');
    const lamp = openOutput(kernel, ADDRESS);
    lamp.set(true);
    assert.equal(kernel.levels.get(10), true);
    lamp.close();
    assert.equal(kernel.openOnes.size, 0);
  });

  const refusal = (kernel: FakeKernel): ControlError => {
    try {
      openInput(kernel, ADDRESS, 'off', new VirtualClock());
    } catch (error) {
      return error as ControlError;
    }
    return assert.fail('it was granted');
  };

  it('of a chip that is not there is refused with the chips that are', () => {
    const { fault, message } = refusal(new FakeKernel('pinctrl-bcm2711', 'raspberrypi-exp-gpio'));
    assert.equal(fault, 'no-chip');
    assert.match(message, /pinctrl-bcm2711, raspberrypi-exp-gpio/);
  });

  it('that is held by another is refused, and nothing stays open', () => {
    const kernel = new FakeKernel('pinctrl-rp1');
    kernel.fails = 'EBUSY';
    assert.match(refusal(kernel).message, /another program holds it/);
    assert.equal(kernel.openOnes.size, 0);
  });

  it('that breaks is reported once', () => {
    const clock = new VirtualClock();
    const kernel = new FakeKernel('pinctrl-rp1');
    const faults: string[] = [];
    openInput(kernel, ADDRESS, 'off', clock).start(
      () => {},
      ({ fault }) => faults.push(fault),
    );
    kernel.fails = 'ENODEV';
    clock.advance(1_000);
    assert.deepEqual([faults, clock.pending], [['broken'], 0]);
  });
});

describe("the chip's name for gpiomon", () => {
  const LISTING = 'gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)\n';
  it('is found by its label', () => assert.equal(chipNamed('raspberrypi-exp-gpio', LISTING), 'gpiochip1'));
  it('is missed by name', () => assert.throws(() => chipNamed('pinctrl-rp1', LISTING), { fault: 'no-chip' }));
});

describe('the controls of a board', () => {
  const options = (gpio: FakeKernel, board = loadBoard('pi-4-usb')) => ({
    clock: new VirtualClock(),
    log: silentLog,
    board,
    gpio,
  });

  it('are its switch and its lamp', () => {
    const { hook, lamp, manual } = openControls('gpio', options(new FakeKernel('pinctrl-bcm2711')));
    assert.match(hook.description, /handset on pinctrl-bcm2711 line/);
    assert.ok(lamp !== undefined && manual === undefined);
  });

  it('go on without a lamp, not without a switch', () => {
    const kernel = new FakeKernel('another');
    const { manual, lamp } = openControls('socket', options(kernel));
    assert.ok(manual !== undefined && lamp === undefined);
    assert.throws(() => openControls('gpio', options(kernel)), { fault: 'no-chip' });
  });

  it('open their switch again after an error, and its level of then counts', () => {
    const kernel = new FakeKernel('pinctrl-bcm2711');
    const all = options(kernel);
    const { hook } = openControls('gpio', all);
    const events: string[] = [];
    hook.start({
      lifted: () => events.push('lifted'),
      hungUp: () => events.push('hungUp'),
      broken: () => events.push('broken'),
      mended: () => events.push('mended'),
    });
    const setAll = (level: boolean): void => {
      for (let line = 10; line < 40; line++) kernel.levels.set(line, level);
    };
    setAll(true);
    all.clock.advance(1_000);
    kernel.fails = 'EIO';
    all.clock.advance(60_000);
    setAll(false);
    kernel.fails = undefined;
    all.clock.advance(11_000);
    assert.equal(events[0], 'lifted');
    assert.deepEqual([events[1], ...events.slice(-2)], ['broken', 'mended', 'hungUp']);
    hook.stop();
  });

  it('need a profile', () => {
    assert.throws(
      () =>
        openControls('gpio', { clock: new VirtualClock(), log: silentLog, board: undefined, gpio: new FakeKernel() }),
      { fault: 'no-profile' },
    );
  });
});
