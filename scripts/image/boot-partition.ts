import { copyFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoardProfile } from '../../device/src/settings/board-profile.ts';
import { readBoards } from '../hardware/data.ts';
import { run } from '../package/npm-parts.ts';
import { BOARD_FILE, DISK_ID, partitionId } from './layout.ts';
import type { Partition } from './layout.ts';

export interface BootOptions {
  readonly profile: BoardProfile;
  readonly console: boolean;
  /** ISO 3166: which radio channels are allowed. Undefined: those that are allowed everywhere. */
  readonly country: string | undefined;
}

/** Of the firmware, for boards up to the Pi 3 and for the Pi 4. */
const FIRMWARE = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
/** Device trees of the kernel's own, by the firmware's name for each board. */
const DEVICE_TREES: ReadonlyMap<string, string> = new Map(
  [...readBoards().values()].flatMap(({ debianKernel }) =>
    'obstacle' in debianKernel ? [] : [[debianKernel.firmwareName, debianKernel.deviceTree]],
  ),
);

/** The firmware's settings: Debian's kernel by its own device tree, and the board's lines. */
export function configTxt({ profile, console }: BootOptions): string {
  const trees = [...DEVICE_TREES].flatMap(([board, tree]) => [`[${board}]`, `device_tree=${tree}`]);
  return [
    '# Best Day Phone. The phone never writes to this partition but to take its identity from it.',
    'arm_64bit=1',
    'upstream_kernel=1',
    'kernel=vmlinuz',
    'initramfs initrd.img followkernel',
    'disable_splash=1',
    'boot_delay=0',
    ...(console ? ['enable_uart=1'] : []),
    ...trees,
    '[all]',
    ...profile.boot,
    '',
  ].join('\n');
}

/** The kernel's: a phone that cannot go on starts again by itself, and there is no shell to end up in. */
export function cmdlineTxt({ console, country }: BootOptions): string {
  return [
    `root=PARTUUID=${partitionId('root A')}`,
    'ro',
    'rootwait',
    'fsck.mode=skip',
    'noresume',
    'panic=10',
    ...(console ? ['console=ttyS1,115200'] : ['quiet', 'loglevel=3']),
    ...(country === undefined ? [] : [`cfg80211.ieee80211_regdom=${country}`]),
  ].join(' ');
}

/** Gathers the boot partition's files from the root, as its packages brought them. */
export function bootFiles(root: string, folder: string, options: BootOptions, epoch: number): void {
  mkdirSync(folder, { recursive: true });
  for (const name of FIRMWARE) copyFileSync(join(root, 'usr/lib/raspi-firmware', name), join(folder, name));
  const boot = join(root, 'boot');
  const only = (prefix: string): string =>
    join(boot, readdirSync(boot).find((name) => name.startsWith(prefix)) ?? `${prefix}*`);
  const kernel = only('vmlinuz-');
  copyFileSync(kernel, join(folder, 'vmlinuz'));
  copyFileSync(only('initrd.img-'), join(folder, 'initrd.img'));
  const version = kernel.slice(kernel.indexOf('vmlinuz-') + 'vmlinuz-'.length);
  for (const tree of DEVICE_TREES.values())
    copyFileSync(join(root, `usr/lib/linux-image-${version}/broadcom`, tree), join(folder, tree));
  writeFileSync(join(folder, BOARD_FILE), `${options.profile.name}\n`);
  writeFileSync(join(folder, 'config.txt'), configTxt(options));
  writeFileSync(join(folder, 'cmdline.txt'), `${cmdlineTxt(options)}\n`);
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), epoch, epoch);
}

/** Makes the FAT in its place in the image. */
export function writeBootPartition(image: string, { start, bytes }: Partition, folder: string, epoch: number): void {
  const place = `${image}@@${start}`;
  // Times of a FAT are local ones.
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };
  run('mformat', ['-i', place, '-F', '-T', String(bytes / 512), '-N', DISK_ID.toString(16), '-v', 'BESTDAY', '::'], {
    env,
  });
  run(
    'mcopy',
    [
      '-i',
      place,
      '-m',
      ...readdirSync(folder)
        .sort()
        .map((name) => join(folder, name)),
      '::',
    ],
    { env },
  );
}
