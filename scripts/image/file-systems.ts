import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../package/npm-parts.ts';
import { TOOL_PATH } from './host.ts';
import { IMAGE_BYTES, masterBootRecord } from './layout.ts';
import type { Partition } from './layout.ts';

const BLOCK = 4096;
/** What a phone's file system is called; fixed, for the sake of the same bytes. */
const UUIDS: Readonly<Partial<Record<Partition['name'], string>>> = {
  'root A': 'be57da11-0000-4000-8000-00000000000a',
  data: 'be57da11-0000-4000-8000-00000000000d',
};

/** An empty image: holes, and the partition table. */
export function createImage(image: string): void {
  const descriptor = openSync(image, 'w', 0o644);
  try {
    ftruncateSync(descriptor, IMAGE_BYTES);
    writeSync(descriptor, masterBootRecord());
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes an ext4 of a folder in its place in the image: the same folder gives the same bytes.
 * @param extra options of mke2fs
 * @param extended more of its -E, each after a comma
 * @throws {Error} also when the folder does not fit
 */
export function writeExt4(
  image: string,
  { name, start, bytes }: Partition,
  folder: string,
  epoch: number,
  extra: readonly string[],
  extended = '',
): void {
  const uuid = UUIDS[name]!;
  const env = { ...process.env, PATH: TOOL_PATH, E2FSPROGS_FAKE_TIME: String(epoch), SOURCE_DATE_EPOCH: String(epoch) };
  run(
    'mke2fs',
    [
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      String(BLOCK),
      '-U',
      uuid,
      '-L',
      name.replace(' ', '-'),
      '-E',
      `offset=${start},hash_seed=${uuid},lazy_itable_init=0,lazy_journal_init=0${extended}`,
      ...extra,
      '-d',
      folder,
      image,
      String(bytes / BLOCK),
    ],
    { env },
  );
  settleTimes(`${image}?offset=${start}`, folder, epoch, env);
}

/** Inodes carry when the build wrote and last read them; that can only be set in the finished file system. */
function settleTimes(fileSystem: string, folder: string, epoch: number, env: NodeJS.ProcessEnv): void {
  const work = mkdtempSync(join(tmpdir(), 'bestday-image-'));
  const commands = join(work, 'commands');
  writeFileSync(
    commands,
    [...pathsOf(folder), '/']
      .flatMap((path) => ['atime', 'ctime'].map((field) => `set_inode_field "${path}" ${field} @${epoch}\n`))
      .join(''),
  );
  try {
    run('debugfs', ['-w', '-f', commands, fileSystem], { env });
  } finally {
    rmSync(work, { recursive: true });
  }
}

function pathsOf(folder: string, above = ''): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${above}/${entry.name}`;
    return entry.isDirectory() ? [path, ...pathsOf(join(folder, entry.name), path)] : [path];
  });
}
