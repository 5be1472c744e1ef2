import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { writePrivateFile } from '../system/data-folder.ts';
import { errorCode, ServerError } from '../system/errors.ts';
import { withFileLock } from '../system/file-lock.ts';
import { checkedLanguage } from '../system/languages.ts';
import type { Admission, DeviceEntry, DeviceRegistry, DeviceSettings } from './device-registry.ts';

/**
 * The registry as a JSON file, one device a line. Other processes (`bestday-server device add`) may change it at any time:
 * it is read again when it has changed, and whoever changes it holds its lock.
 *
 * A slow hash (scrypt) protects what people choose; these keys are 256 random bits, which nobody can try through, and a
 * hundred phones that reconnect at once must not wait for it.
 */
export class FileRegistry implements DeviceRegistry {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #watchers = new Set<(deviceId: string) => void>();
  #devices = new Devices([]);
  /** As they stand in the file: a line that has not changed is not checked again. */
  #lines: ReadonlyMap<string, Device> = new Map();
  #stamp = '';
  #reading: Promise<void> | undefined;
  #poll: { cancel(): void } | undefined;

  constructor(dataFolder: string, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#file = join(dataFolder, 'devices.json');
  }

  async admit(deviceId: string, key: string): Promise<Admission> {
    await this.#refresh();
    return this.#devices.admit(deviceId.toLowerCase(), key);
  }

  async list(): Promise<readonly DeviceEntry[]> {
    await this.#refresh();
    return this.#devices.all.map(({ id, addedAt, patienceMs, language }) => ({ id, addedAt, patienceMs, language }));
  }

  async add(id: string = randomUUID()): Promise<{ id: string; key: string }> {
    if (!UUID.test(id)) throw new ServerError('bad-option', `--id: '${id}' is no UUID; leave it out to get a new one`);
    const device = id.toLowerCase();
    const key = randomBytes(32).toString('base64url');
    const addedAt = new Date(this.#clock.wallTime()).toISOString();
    await this.#change((devices) => {
      const { patienceMs, language } = devices.byId(device) ?? {};
      return devices.with({ id: device, keyHash: hashOf(key), addedAt, ...set({ patienceMs, language }) });
    });
    return { id: device, key };
  }

  async set(id: string, { patienceMs, language }: DeviceSettings): Promise<DeviceSettings> {
    if (patienceMs !== undefined && !Patience.safeParse(patienceMs).success)
      throw new ServerError('bad-option', '--patience-ms: want a whole number of ms from 300 to 10000');
    const settings = set({ patienceMs, language: language === undefined ? undefined : checkedLanguage(language) });
    await this.#refresh();
    known(this.#devices, id);
    await this.#change((devices) => devices.with({ ...known(devices, id), ...settings }));
    return this.settingsOf(id);
  }

  async remove(id: string): Promise<void> {
    await this.#refresh();
    known(this.#devices, id);
    await this.#change((devices) => devices.without(known(devices, id).id));
  }

  async export(): Promise<string> {
    await this.#refresh();
    return fileOf(this.#devices.all);
  }

  async import(exported: string): Promise<number> {
    const wanted = parsed(exported, 'what is to be imported');
    let added = 0;
    await this.#change((devices) => {
      const clash = wanted.find(({ id, keyHash }) => (devices.byId(id)?.keyHash ?? keyHash) !== keyHash);
      if (clash !== undefined)
        throw new ServerError(
          'bad-file',
          `device ${clash.id} is here with another key: remove it first; none was added`,
        );
      const fresh = wanted.filter(({ id }) => devices.byId(id) === undefined);
      added = fresh.length;
      return new Devices([...devices.all, ...fresh]);
    });
    return added;
  }

  settingsOf(id: string): DeviceSettings {
    return this.#devices.byId(id) ?? {};
  }

  watch(revoked: (deviceId: string) => void): { stop(): void } {
    this.#watchers.add(revoked);
    // An unreadable list revokes nobody; whoever wants to connect meanwhile is told.
    this.#poll ??= this.#clock.every(POLL_MS, () => void this.#refresh().catch(() => {}));
    return {
      stop: () => {
        this.#watchers.delete(revoked);
        if (this.#watchers.size > 0) return;
        this.#poll?.cancel();
        this.#poll = undefined;
      },
    };
  }

  async #refresh(): Promise<void> {
    for (;;) {
      const stamp = await this.#stampOfFile();
      if (stamp === this.#stamp) return;
      // One reading at a time, however many phones wait for it.
      await (this.#reading ??= this.#read(stamp).finally(() => {
        this.#reading = undefined;
      }));
    }
  }

  async #read(stamp: string): Promise<void> {
    const devices = new Devices([]);
    if (stamp !== NO_FILE) await this.#inSlices(await this.#readFile(), (device) => devices.add(device));
    const revoked: string[] = [];
    // A file that is gone (a disk that is not mounted) lets nobody in, but ends no conversation under way.
    if (stamp !== NO_FILE)
      await this.#inSlices(this.#devices.all, ({ id, keyHash }) => {
        if (devices.byId(id)?.keyHash !== keyHash) revoked.push(id);
      });
    this.#devices = devices;
    this.#stamp = stamp;
    for (const id of revoked) for (const watcher of this.#watchers) watcher(id);
  }

  async #stampOfFile(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return NO_FILE;
      throw unreadable(this.#file, error);
    }
  }

  async #readFile(): Promise<readonly Device[]> {
    try {
      const content = await readFile(this.#file, 'utf8');
      const lines = linesOf(content);
      return lines === undefined ? parsed(content, this.#file) : await this.#readLines(lines);
    } catch (error) {
      throw error instanceof ServerError ? error : unreadable(this.#file, error);
    }
  }

  async #readLines(lines: readonly string[]): Promise<readonly Device[]> {
    const read = new Map<string, Device>();
    await this.#inSlices(lines, (line) => {
      read.set(line, this.#lines.get(line) ?? z.parse(Device, JSON.parse(line)));
    });
    this.#lines = read;
    return [...read.values()];
  }

  /** Conversations go on meanwhile: a hundred thousand devices at once would stop them for a second. */
  async #inSlices<T>(items: readonly T[], each: (item: T) => void): Promise<void> {
    for (let from = 0; from < items.length; from += SLICE) {
      if (from > 0) await new Promise<void>((resolve) => this.#clock.after(0, resolve));
      for (const item of items.slice(from, from + SLICE)) each(item);
    }
  }

  #change(change: (devices: Devices) => Devices): Promise<void> {
    return withFileLock(this.#file, this.#clock, async () => {
      await this.#refresh();
      await this.#write(change(this.#devices).all);
      await this.#refresh();
    });
  }

  async #write(devices: readonly Device[]): Promise<void> {
    try {
      await writePrivateFile(this.#file, fileOf(devices));
    } catch (error) {
      throw new ServerError(
        'unusable-directory',
        `${this.#file} cannot be written (${errorCode(error)}): give another data folder with --data, or make it yours`,
        { cause: error },
      );
    }
  }
}

/** How often the file is looked at while somebody watches: an answer within a second. */
const POLL_MS = 500;
const NO_FILE = 'none';
/** Devices; a few ms of work. */
const SLICE = 1_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const Patience = z.int().check(z.minimum(300), z.maximum(10_000));
const Device = z.object({
  id: z.string().check(z.regex(UUID)),
  /** Base64url of SHA-256 of the key, or of salt, zero byte and key where there is a salt. */
  keyHash: z.string().check(z.regex(/^[\w-]{43}$/)),
  /** Of entries written before version 2. They serve as long as they are there; a new key has none. */
  salt: z.optional(z.string()),
  addedAt: z.string(),
  patienceMs: z.optional(Patience),
  language: z.optional(z.string()),
});
type Device = z.infer<typeof Device>;
const File = z.object({ version: z.union([z.literal(1), z.literal(2)]), devices: z.array(Device) });

/** Devices, found by id and by key. */
class Devices {
  readonly #byId = new Map<string, Device>();
  readonly #keyHashes = new Set<string>();

  constructor(all: readonly Device[]) {
    for (const device of all) this.add(device);
  }

  get all(): readonly Device[] {
    return [...this.#byId.values()];
  }

  /** While it is being filled. */
  add(device: Device): void {
    this.#byId.set(device.id.toLowerCase(), device);
    if (device.salt === undefined) this.#keyHashes.add(device.keyHash);
  }

  byId(id: string): Device | undefined {
    return this.#byId.get(id.toLowerCase());
  }

  /** At most two hashes, however many devices there are: a salted key is known to its own device only. */
  admit(id: string, key: string): Admission {
    const keyHash = hashOf(key);
    const named = this.#byId.get(id);
    const presented = named?.salt === undefined ? keyHash : hashOf(key, named.salt);
    if (named !== undefined && timingSafeEqual(Buffer.from(named.keyHash), Buffer.from(presented))) return 'admitted';
    return this.#keyHashes.has(keyHash) ? 'wrong-device' : 'unknown-key';
  }

  with(device: Device): Devices {
    return new Devices([...this.without(device.id).all, device]);
  }

  without(id: string): Devices {
    return new Devices(this.all.filter((device) => device.id.toLowerCase() !== id.toLowerCase()));
  }
}

/** @throws {ServerError} unknown-device */
function known(devices: Devices, id: string): Device {
  const device = devices.byId(id);
  if (device !== undefined) return device;
  throw new ServerError('unknown-device', `there is no device '${id}'; 'device list' names them`);
}

function hashOf(key: string, salt?: string): string {
  const hash = createHash('sha256');
  if (salt !== undefined) hash.update(salt, 'utf8').update('\0');
  return hash.update(key, 'utf8').digest('base64url');
}

/** Without what is not set. */
function set(settings: DeviceSettings): DeviceSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function fileOf(devices: readonly Device[]): string {
  const lines = devices.map((device) => JSON.stringify(device));
  return `${HEAD}${lines.join(BETWEEN)}${TAIL}`;
}

/** @returns undefined where somebody else wrote the file, or an earlier version */
function linesOf(content: string): readonly string[] | undefined {
  if (!content.startsWith(HEAD) || !content.endsWith(TAIL)) return undefined;
  const lines = content.slice(HEAD.length, -TAIL.length);
  return lines === '' ? [] : lines.split(BETWEEN);
}

const HEAD = '{"version":2,"devices":[\n';
const BETWEEN = ',\n';
const TAIL = '\n]}\n';

/** @throws {ServerError} bad-file */
function parsed(content: string, what: string): readonly Device[] {
  try {
    return z.parse(File, JSON.parse(content)).devices;
  } catch (error) {
    throw unreadable(what, error);
  }
}

function unreadable(what: string, cause: unknown): ServerError {
  return new ServerError(
    'bad-file',
    `${what} cannot be read as a list of devices: mend it, or move it away and add the devices again`,
    { cause },
  );
}
