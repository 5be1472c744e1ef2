import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync, writeFileSync } from 'node:fs';
import { run } from '../package/npm-parts.ts';

/** Tools for file systems stand where users who are not root do not look. */
export const TOOL_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** What the work is done with, as a port: a test has hosts of its own. */
export interface Host {
  readonly uid: number;
  /** As Node names it. */
  readonly machine: string;
  has(program: string): boolean;
}

export const thisHost: Host = {
  uid: process.getuid?.() ?? -1,
  machine: process.arch,
  has: (program) =>
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { env: { ...process.env, PATH: TOOL_PATH } }).status ===
    0,
};

const EMULATOR = 'qemu-aarch64-static';
/** Programs by Debian's package. */
const TOOLS: Readonly<Record<string, readonly string[]>> = {
  mtools: ['mformat', 'mcopy'],
  e2fsprogs: ['mke2fs', 'debugfs', 'e2fsck'],
  dpkg: ['dpkg-deb'],
  tar: ['tar'],
};
const BASE_TOOLS: Readonly<Record<string, readonly string[]>> = { mmdebstrap: ['mmdebstrap'] };

/** What keeps this machine from building an image, each with what to do. @param hasBase Debian is in the cache */
export function obstacles(host: Host, hasBase: boolean): string[] {
  const foreign: typeof TOOLS = host.machine === 'arm64' ? {} : { 'qemu-user-static': [EMULATOR] };
  const wanted = Object.entries({ ...TOOLS, ...(hasBase ? {} : BASE_TOOLS), ...foreign });
  const packages = wanted
    .filter(([, programs]) => programs.some((program) => !host.has(program)))
    .map(([name]) => name);
  return [
    ...(host.uid === 0 ? [] : ['only root can make files that belong to others: sudo npm run image -- …']),
    ...(packages.length === 0
      ? []
      : [`${packages.join(', ')} ${packages.length === 1 ? 'is' : 'are'} missing: apt install ${packages.join(' ')}`]),
  ];
}

/** @throws {Error} when a folder's disk is too full */
export function needSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const gigabytes = (count: number): string => (count / 1e9).toFixed(1);
  if (bavail * bsize < bytes)
    throw new Error(
      `${folder} has ${gigabytes(bavail * bsize)} GB left, ${gigabytes(bytes)} are needed: make room, or name another folder with BESTDAY_CACHE or --output`,
    );
}

const BINFMT = '/proc/sys/fs/binfmt_misc';
/** Beginning of an ELF file for 64-bit ARM, and which of its bits count: as in qemu-user-static's own table. */
const MAGIC = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/**
 * Programs for 64-bit ARM run here, through QEMU where they must; the kernel is told until this machine's next start.
 * @throws {Error} when it refuses
 */
export function runForeignPrograms(host: Host): void {
  if (host.machine === 'arm64' || existsSync(`${BINFMT}/qemu-aarch64`)) return;
  if (!existsSync(`${BINFMT}/register`)) run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', BINFMT]);
  if (existsSync(`${BINFMT}/qemu-aarch64`)) return;
  const emulator = run('sh', ['-c', `command -v ${EMULATOR}`]).trim();
  // F: the kernel opens the emulator now, so that it need not be in the phone's root.
  writeFileSync(`${BINFMT}/register`, `:qemu-aarch64:M::${MAGIC}:${MASK}:${emulator}:OCF`);
  console.error('image: programs for arm64 run here through QEMU until the next start (binfmt_misc)');
}
