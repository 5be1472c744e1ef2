import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { errorCode, ServerError } from './errors.ts';

/** XDG base directories: what a program keeps for itself. */
export function defaultDataFolder(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env['XDG_DATA_HOME'];
  return join(xdg !== undefined && xdg.startsWith('/') ? xdg : join(homedir(), '.local/share'), 'bestday-server');
}

/** Makes the folder, for this user alone. @throws {ServerError} unusable-directory */
export async function openDataFolder(path: string): Promise<string> {
  const folder = resolve(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writePrivateFile(join(folder, '.writable'), '');
    // Another process that opens it at the same moment may have been first.
    await rm(join(folder, '.writable'), { force: true });
    return folder;
  } catch (error) {
    throw new ServerError(
      'unusable-directory',
      `the data folder ${folder} cannot be written (${errorCode(error)}): give another one with --data, or make it yours`,
      { cause: error },
    );
  }
}

/** Whole or not at all, a power cut included, and readable by its owner alone from its first byte. */
export async function writePrivateFile(file: string, content: string): Promise<void> {
  const draft = join(dirname(file), `.${randomUUID()}.draft`);
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(draft, 0o600);
    await rename(draft, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** The new name is on the disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems (network mounts among them) know no such thing.
    if (!['EINVAL', 'EISDIR', 'ENOTSUP', 'EBADF'].includes(errorCode(error))) throw error;
  } finally {
    await handle.close();
  }
}
