import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Clock } from '../../../common/src/time/clock.ts';
import { errorCode, ServerError } from './errors.ts';

/**
 * Runs `work` while this process alone holds `FILE.lock`: what reads a file, changes it and writes it again must not
 * overlap with the same in another process. A lock whose owner has died is removed.
 * @throws {ServerError} locked, when another process keeps the lock
 */
export async function withFileLock<T>(file: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  const deadlineMs = clock.now() + WAIT_LIMIT_MS;
  while (!(await taken(lock))) {
    const owner = await ownerOf(lock);
    if (owner !== undefined && isDead(owner)) await removeLockOf(owner, lock);
    else if (clock.now() > deadlineMs) throw locked(lock, owner);
    else await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

const WAIT_LIMIT_MS = 10_000;
const POLL_MS = 10;

interface Owner {
  /** Of this one taking of the lock. */
  readonly token: string;
  readonly pid: number;
  /** A process id means something on one host, between two boots. */
  readonly host: string;
  readonly boot: string;
}

async function taken(lock: string): Promise<boolean> {
  try {
    const handle = await open(lock, 'wx', 0o600);
    const owner: Owner = { token: randomUUID(), pid: process.pid, host: hostname(), boot: bootId() };
    await handle.writeFile(JSON.stringify(owner)).finally(() => handle.close());
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw new ServerError('unusable-directory', `${lock} cannot be written (${errorCode(error)})`, { cause: error });
  }
}

/** @returns undefined when the lock is free again, or its owner has not written its name yet */
async function ownerOf(lock: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function isDead({ pid, host, boot }: Owner): boolean {
  if (host !== hostname()) return false;
  if (boot !== bootId()) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/**
 * Several processes may see the same dead owner. Only one of them can make the file named after its token, and the lock
 * is removed only if it still has that token: so nobody removes the lock of the next owner.
 */
async function removeLockOf({ token }: Owner, lock: string): Promise<void> {
  const right = `${lock}.${token}`;
  try {
    await (await open(right, 'wx', 0o600)).close();
  } catch {
    return;
  }
  try {
    if ((await ownerOf(lock))?.token === token) await rm(lock, { force: true });
  } finally {
    await rm(right, { force: true });
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function locked(lock: string, owner: Owner | undefined): ServerError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new ServerError('locked', `${lock} is held by ${who}: try again; remove the file if that no longer runs`);
}
