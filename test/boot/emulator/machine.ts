import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BootFiles } from './card.ts';
import { GpioWires } from './gpio.ts';
import { GuestShell, SHELL_PORT } from './guest-shell.ts';
import type { VisitParts } from './guest-shell.ts';
import { LineSocket } from './line-socket.ts';
import { Qmp } from './qmp.ts';

/** Without ACPI the guest reads the device tree, and finds the PL061 as a real board's GPIO. */
const BOARD = ['-M', 'virt,acpi=off', '-cpu', 'cortex-a72', '-smp', '2', '-m', '1024'];
const CONSOLE = 'ttyAMA0';

export interface MachineOptions {
  readonly boot: BootFiles;
  /** The card, as a qcow2 file. */
  readonly card: string;
  /** Put back into this moment, in place of a start. */
  readonly snapshot?: string | undefined;
  /** File for a log of all that the card is told from the first moment on (see write-log.ts). */
  readonly writeLog?: string | undefined;
  readonly visit: VisitParts;
  /** Emptied; for sockets, logs and what the machine is given. */
  readonly folder: string;
  /** Environment with which PulseAudio is found; undefined: no sound card. */
  readonly soundServer?: NodeJS.ProcessEnv | undefined;
}

const CONNECT_LIMIT_MS = 15_000;

/** One emulated board. It dies with the process that started it. */
export class Machine {
  readonly qmp: Qmp;
  readonly shell: GuestShell;
  readonly wires: GpioWires;
  readonly #process: ChildProcess;
  readonly #sockets: readonly LineSocket[];

  static async start(options: MachineOptions): Promise<Machine> {
    const { folder } = options;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const child = launch(options);
    const socket = (name: string): Promise<LineSocket> => LineSocket.connect(join(folder, name), CONNECT_LIMIT_MS);
    try {
      const [qmp, qtest, shell] = await Promise.all([socket('qmp'), socket('qtest'), socket('shell')]);
      const control = await Qmp.open(qmp);
      const wires = await GpioWires.find(control, qtest);
      await begin(control, options);
      return new Machine(child, control, new GuestShell(shell), wires, [qmp, qtest, shell]);
    } catch (cause) {
      child.kill('SIGKILL');
      throw new Error(
        `QEMU did not start: ${readFileSync(join(folder, 'qemu.log'), 'utf8').trim() || (cause as Error).message}`,
        { cause },
      );
    }
  }

  private constructor(
    child: ChildProcess,
    qmp: Qmp,
    shell: GuestShell,
    wires: GpioWires,
    sockets: readonly LineSocket[],
  ) {
    this.#process = child;
    this.qmp = qmp;
    this.shell = shell;
    this.wires = wires;
    this.#sockets = sockets;
  }

  /** Whether the network cable is in. */
  async setLink(up: boolean): Promise<void> {
    await this.qmp.execute('set_link', { name: 'network', up });
  }

  /** The guest gets no time to do anything. */
  async cutPower(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) resolve();
      else this.#process.once('exit', () => resolve());
    });
    this.#process.kill('SIGKILL');
    await ended;
    for (const socket of this.#sockets) socket.close();
  }
}

/** The machine stands still until its card is as it is wanted. */
async function begin(qmp: Qmp, { snapshot, writeLog }: MachineOptions): Promise<void> {
  if (snapshot !== undefined) await qmp.restore(snapshot);
  if (writeLog !== undefined) {
    writeFileSync(writeLog, '');
    await qmp.execute('blockdev-add', {
      driver: 'blklogwrites',
      'node-name': 'logged',
      file: 'card',
      log: { driver: 'file', filename: writeLog },
    });
    // A snapshot cannot be restored through the log, so that it is put between only now.
    await qmp.execute('qom-set', { path: '/machine/peripheral/reader', property: 'drive', value: 'logged' });
  }
  await qmp.execute('cont');
}

function launch(options: MachineOptions): ChildProcess {
  const { folder, soundServer } = options;
  const log = openSync(join(folder, 'qemu.log'), 'w');
  // The emulator ends with this process, however that ends.
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-aarch64', ...argumentsOf(options)], {
    stdio: ['ignore', log, log],
    env: soundServer ?? process.env,
  });
}

function argumentsOf({ boot, card, visit, folder, soundServer }: MachineOptions): string[] {
  const port = (name: string): string => `unix:${join(folder, name)},server=on,wait=off`;
  const sound =
    soundServer === undefined
      ? []
      : [
          '-audiodev',
          `pa,id=sound,server=${soundServer['PULSE_SERVER']},in.name=micfeed.monitor,out.name=spk`,
          '-device',
          'intel-hda',
          '-device',
          'hda-duplex,audiodev=sound,mixer=off',
        ];
  return [
    ...BOARD,
    '-display',
    'none',
    '-nodefaults',
    '-no-reboot',
    '-kernel',
    boot.kernel,
    '-initrd',
    boot.initrd,
    '-append',
    `${withoutConsoles(boot.commandLine)} console=${CONSOLE} ${visit.kernelArguments.join(' ')}`,
    '-S',
    '-blockdev',
    `driver=qcow2,node-name=card,file.driver=file,file.filename=${card}`,
    '-device',
    'virtio-blk-pci,drive=card,id=reader',
    '-netdev',
    'user,id=network',
    '-device',
    'virtio-net-pci,netdev=network',
    '-serial',
    `file:${join(folder, 'console.log')}`,
    '-qmp',
    port('qmp'),
    '-qtest',
    port('qtest'),
    '-qtest-log',
    'none',
    '-device',
    'virtio-serial-pci',
    '-chardev',
    `socket,id=shell,path=${join(folder, 'shell')},server=on,wait=off`,
    '-device',
    `virtserialport,chardev=shell,name=${SHELL_PORT}`,
    ...sound,
    ...Object.entries(visit.credentials).flatMap(([name, content], index) => [
      '-fw_cfg',
      `name=opt/io.systemd.credentials/${name},file=${keep(folder, `credential-${index}`, content)}`,
    ]),
  ];
}

/** A console that this machine lacks would be waited for. */
function withoutConsoles(commandLine: string): string {
  return commandLine
    .split(/\s+/)
    .filter((word) => !word.startsWith('console='))
    .join(' ');
}

function keep(folder: string, name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}
