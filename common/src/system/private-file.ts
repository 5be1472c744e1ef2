import { closeSync, fstatSync, openSync, readSync, constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { errorCode, SettingsError } from './settings-error.ts';

/** A key, an id, a certificate or two: whatever is longer is none. */
const MAX_BYTES = 256 * 1024;

export interface SmallFile {
  readonly content: string;
  readonly status: Stats;
}

/**
 * @param setting that names the file, for the error
 * @returns undefined when there is no such file
 * @throws {SettingsError} unreadable
 */
export function readNamedFile(path: string, setting: string): SmallFile | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    throw new SettingsError(
      'unreadable',
      setting,
      `${setting}: ${path} cannot be read (${errorCode(error)}): a plain, short file that this user may read is needed`,
      { cause: error },
    );
  }
}

/**
 * Reads a short plain file; a FIFO does not block it and a device does not fill the memory. What was read and
 * its status belong together, whatever happens to the path meanwhile.
 */
function readSmallFile(path: string): SmallFile | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new Error('not a plain file');
    if (status.size > MAX_BYTES) throw new Error(`over ${MAX_BYTES} bytes`);
    const buffer = Buffer.alloc(status.size);
    return { content: buffer.toString('utf8', 0, readSync(descriptor, buffer)), status };
  } finally {
    closeSync(descriptor);
  }
}
