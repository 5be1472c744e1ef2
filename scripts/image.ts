import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CACHE, hasBase, provideBase } from './image/base.ts';
import { boardForImage } from './image/boards.ts';
import { bootFiles, writeBootPartition } from './image/boot-partition.ts';
import type { BootOptions } from './image/boot-partition.ts';
import { createImage, writeExt4 } from './image/file-systems.ts';
import { needSpace, obstacles, runForeignPrograms, thisHost } from './image/host.ts';
import { partition, PARTITIONS } from './image/layout.ts';
import { mirrorOf } from './image/mirror.ts';
import { finishRoot, makeRoot } from './image/root.ts';
import { architectureNamed } from './package/architecture.ts';
import { buildPackage, sourceEpoch } from './package/build.ts';

/** `npm run image`: the card of a phone, from Debian's packages and ours, without a mount or a loop device. */

const HELP = `npm run image -- --board BOARD --output FILE.img

  --mirror URL    Debian's packages from there (else as /etc/apt names it, or mmdebstrap's own)
  --country CC    radio channels of that country, e.g. US (else those that are allowed everywhere)
  --console       a root shell on the serial port: for the bench, never for the field
What is fetched once is kept in .cache/image, or where BESTDAY_CACHE says; Debian is fetched anew after 14 days, or after
as many as BESTDAY_BASE_DAYS says.
`;
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean' },
    board: { type: 'string' },
    output: { type: 'string' },
    mirror: { type: 'string' },
    country: { type: 'string' },
    console: { type: 'boolean', default: false },
  },
});

/** Debian, unpacked, and the image, with some room. */
const WORK_BYTES = 3e9;
const IMAGE_ROOM_BYTES = 1.5e9;

function main(): void {
  // What a phone's programs may read does not depend on whoever builds it.
  process.umask(0o022);
  const profile = boardForImage(flags.board);
  if (flags.output === undefined) throw new Error('where to? --output FILE.img');
  if (flags.country !== undefined && !/^[A-Z]{2}$/.test(flags.country))
    throw new Error('--country takes two capital letters, such as US or DE');
  const output = resolve(flags.output);
  checkBeforeWork(output);
  const work = workFolder();
  try {
    build(`${output}.partial`, work, { profile, console: flags.console, country: flags.country });
    renameSync(`${output}.partial`, output);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(`${output}.partial`, { force: true });
  }
  describe(output);
}

/** Everything that can be known to fail, at once and before anything is done. @throws {Error} */
function checkBeforeWork(output: string): void {
  const missing = obstacles(thisHost, hasBase());
  if (missing.length > 0) throw new Error(missing.join('\n       '));
  mkdirSync(CACHE, { recursive: true });
  try {
    mkdirSync(dirname(output), { recursive: true });
    accessSync(dirname(output), constants.W_OK);
    if (existsSync(output) && !statSync(output).isFile())
      throw new Error('it is no plain file; scripts/flash writes cards');
  } catch (cause) {
    throw new Error(`${output} cannot be written: ${(cause as Error).message}`, { cause });
  }
  needSpace(CACHE, WORK_BYTES);
  needSpace(dirname(output), IMAGE_ROOM_BYTES);
}

/** Of this run; those of runs that were broken off are cleared away. */
function workFolder(): string {
  for (const name of readdirSync(CACHE).filter(
    (each) => each.startsWith('work-') && !existsSync(`/proc/${each.slice('work-'.length)}`),
  )) {
    rmSync(join(CACHE, name), { recursive: true });
  }
  const folder = join(CACHE, `work-${process.pid}`);
  mkdirSync(join(folder, 'data'), { recursive: true });
  return folder;
}

function build(image: string, work: string, boot: BootOptions): void {
  const epoch = sourceEpoch();
  runForeignPrograms(thisHost);
  const base = step('Debian', () => provideBase(flags.mirror ?? mirrorOf('/etc/apt')));
  const deb = join(work, 'phone.deb');
  step('package', () => {
    buildPackage(architectureNamed('arm64'), deb);
  });
  const root = join(work, 'root');
  const options = { base, deb, board: boot.profile.name, console: boot.console, epoch };
  step('root', () => {
    makeRoot(root, options);
    bootFiles(root, join(work, 'boot'), boot, epoch);
    finishRoot(root, options);
  });
  step('image', () => {
    createImage(image);
    writeBootPartition(image, partition('boot'), join(work, 'boot'), epoch);
    // Never written to: it needs no journal, and its file system is as full as it will be.
    writeExt4(image, partition('root A'), root, epoch, ['-O', '^has_journal,^resize_inode', '-m', '0']);
    // Room to grow to 256 GiB.
    writeExt4(image, partition('data'), join(work, 'data'), epoch, ['-J', 'size=8'], `,resize=${2 ** 26}`);
  });
}

function step<T>(name: string, work: () => T): T {
  const startMs = performance.now();
  const result = work();
  console.error(`image: ${name} ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  return result;
}

function describe(output: string): void {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  for (const { number, name, start, bytes } of PARTITIONS)
    console.error(`image: ${number} ${name.padEnd(7)} at ${mib(start).padStart(8)}, ${mib(bytes)}`);
  const { size, blocks } = statSync(output);
  console.error(`image: ${mib(size)}, ${mib(blocks * 512)} of it written`);
  process.stdout.write(`${output}\n`);
}

try {
  if (flags.help === true) process.stdout.write(HELP);
  else main();
} catch (error) {
  console.error(`image: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
