import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** What a boot loader takes from the card's first partition. */
export interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel's command line. */
  readonly commandLine: string;
}

export interface Partition {
  readonly startBytes: number;
  readonly sizeBytes: number;
}

const TABLE_AT = 446;
const ENTRY_BYTES = 16;

/** The four primary partitions of an MBR. */
export function partitions(image: string): readonly Partition[] {
  const table = Buffer.alloc(512);
  const descriptor = openSync(image, 'r');
  readSync(descriptor, table, 0, 512, 0);
  closeSync(descriptor);
  return [0, 1, 2, 3].map((index) => {
    const entry = table.subarray(TABLE_AT + index * ENTRY_BYTES);
    return { startBytes: entry.readUInt32LE(8) * 512, sizeBytes: entry.readUInt32LE(12) * 512 };
  });
}

/** Plays the boot loader: takes kernel and initrd out of the card. @param folder to put them. @throws {Error} the card lacks one */
export function takeBootFiles(image: string, folder: string): BootFiles {
  const names = listBoot(image);
  const take = (what: string, pattern: RegExp): string => {
    const name = names.find((each) => pattern.test(each));
    if (name === undefined)
      throw new Error(`there is no ${what} on the boot partition of ${image}: it holds ${names.join(', ')}`);
    const to = join(folder, what);
    run('mcopy', ['-n', '-o', '-i', bootOf(image), `::${name}`, to]);
    return to;
  };
  const kernel = take('kernel', /^(vmlinuz|kernel8\.img)/i);
  const initrd = take('initrd', /^(initrd|initramfs)/i);
  return { kernel, initrd, commandLine: run('mtype', ['-i', bootOf(image), '::cmdline.txt']).trim() };
}

/** Names in a folder of the card's boot partition. */
export function listBoot(image: string, folder = ''): string[] {
  return run('mdir', ['-b', '-i', bootOf(image), `::${folder}`])
    .split('\n')
    .map((name) => name.replace(/^::\/?/, '').trim())
    .filter((name) => name !== '');
}

/** Everything that a machine writes goes to `overlay`, a card of `bytes`; the image stays as it is. */
export function makeOverlay(image: string, overlay: string, bytes: number): void {
  run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image, overlay, String(bytes)]);
}

function bootOf(image: string): string {
  return `${image}@@${partitions(image)[0]!.startBytes}`;
}

/** @throws {Error} with what the program said */
export function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw new Error(`${program} cannot be run (${(error as NodeJS.ErrnoException).code})`);
  if (status !== 0) throw new Error(`${program}: ${stderr.trim()}`);
  return stdout;
}
