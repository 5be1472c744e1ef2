import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { writePrivateFile } from '../system/data-folder.ts';
import { errorCode, ServerError } from '../system/errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** ms of silence that end the patient's turn. */
const Patience = z.int().check(z.minimum(300), z.maximum(10_000));
const Device = z.object({
  id: z.string().check(z.regex(UUID)),
  salt: z.string(),
  keyHash: z.string(),
  addedAt: z.string(),
  patienceMs: z.optional(Patience),
});
const Registry = z.object({ version: z.literal(1), devices: z.array(Device) });
type Device = z.infer<typeof Device>;

/** `unknown-key`: nobody has this key. `wrong-device`: somebody has, but not the device that was named. */
export type Admission = 'admitted' | 'unknown-key' | 'wrong-device';

/**
 * Which devices there are and which key each has. A JSON file that another process (`bestday-server device add`) may
 * change at any time: it is read again when it has changed.
 *
 * Keys are stored as SHA-256 of salt and key. A slow hash (scrypt) protects what people choose; these keys are 256
 * random bits, which nobody can try through, and a hundred phones that reconnect at once must not wait for it.
 */
export class DeviceRegistry {
  readonly #file: string;
  readonly #clock: Clock;
  #devices: readonly Device[] = [];
  #stamp = '';

  constructor(dataFolder: string, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#file = join(dataFolder, 'devices.json');
  }

  /** @throws {ServerError} bad-file */
  async list(): Promise<
    readonly { readonly id: string; readonly addedAt: string; readonly patienceMs?: number | undefined }[]
  > {
    await this.#refresh();
    return this.#devices.map(({ id, addedAt, patienceMs }) => ({ id, addedAt, patienceMs }));
  }

  /**
   * @param id a new one when absent; a device that is there already gets a new key
   * @returns the key, which can never be read again
   * @throws {ServerError} bad-option, bad-file
   */
  async add(id: string = randomUUID()): Promise<{ id: string; key: string }> {
    if (!UUID.test(id)) throw new ServerError('bad-option', `--id: '${id}' is no UUID; leave it out to get a new one`);
    await this.#refresh();
    const device = id.toLowerCase();
    const key = randomBytes(32).toString('base64url');
    const salt = randomBytes(16).toString('base64url');
    const before = this.#devices.find((other) => other.id === device);
    const entry: Device = {
      ...(before?.patienceMs !== undefined && { patienceMs: before.patienceMs }),
      id: device,
      salt,
      keyHash: hash(salt, key).toString('base64url'),
      addedAt: new Date(this.#clock.wallTime()).toISOString(),
    };
    await this.#write([...this.#devices.filter((other) => other.id !== device), entry]);
    return { id: device, key };
  }

  /**
   * How long this patient may pause within a turn; people with memory loss pause long.
   * @throws {ServerError} unknown-device, bad-option, bad-file
   */
  async setPatience(id: string, patienceMs: number): Promise<void> {
    if (!Patience.safeParse(patienceMs).success)
      throw new ServerError('bad-option', '--patience-ms: want a whole number of ms from 300 to 10000');
    await this.#refresh();
    const device = this.#devices.find((candidate) => candidate.id === id.toLowerCase());
    if (device === undefined)
      throw new ServerError('unknown-device', `there is no device '${id}'; 'device list' names them`);
    await this.#write(this.#devices.map((other) => (other === device ? { ...device, patienceMs } : other)));
  }

  /** As of the last time a phone was admitted. */
  patienceOf(id: string): number | undefined {
    return this.#devices.find((device) => device.id === id.toLowerCase())?.patienceMs;
  }

  /** @throws {ServerError} unknown-device, bad-file */
  async remove(id: string): Promise<void> {
    await this.#refresh();
    const others = this.#devices.filter((device) => device.id !== id.toLowerCase());
    if (others.length === this.#devices.length)
      throw new ServerError('unknown-device', `there is no device '${id}'; 'device list' names them`);
    await this.#write(others);
  }

  /** @throws {ServerError} bad-file */
  async admit(deviceId: string, key: string): Promise<Admission> {
    await this.#refresh();
    const own = this.#devices.find(({ id }) => id === deviceId.toLowerCase());
    if (own !== undefined && isKeyOf(own, key)) return 'admitted';
    return this.#devices.some((device) => isKeyOf(device, key)) ? 'wrong-device' : 'unknown-key';
  }

  async #refresh(): Promise<void> {
    const stamp = await this.#stampOfFile();
    if (stamp === this.#stamp) return;
    this.#devices = stamp === 'none' ? [] : await this.#read();
    this.#stamp = stamp;
  }

  async #stampOfFile(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 'none';
      throw this.#unreadable(error);
    }
  }

  async #read(): Promise<readonly Device[]> {
    try {
      return z.parse(Registry, JSON.parse(await readFile(this.#file, 'utf8'))).devices;
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  async #write(devices: readonly Device[]): Promise<void> {
    try {
      await writePrivateFile(this.#file, `${JSON.stringify({ version: 1, devices }, undefined, 2)}\n`);
    } catch (error) {
      throw new ServerError(
        'unusable-directory',
        `${this.#file} cannot be written (${errorCode(error)}): give another data folder with --data, or make it yours`,
        { cause: error },
      );
    }
    this.#devices = devices;
    this.#stamp = await this.#stampOfFile();
  }

  #unreadable(cause: unknown): ServerError {
    return new ServerError(
      'bad-file',
      `${this.#file} cannot be read as the list of devices: mend it, or move it away and add the devices again`,
      { cause },
    );
  }
}

function isKeyOf(device: Device, key: string): boolean {
  const stored = Buffer.from(device.keyHash, 'base64url');
  const presented = hash(device.salt, key);
  return stored.length === presented.length && timingSafeEqual(stored, presented);
}

function hash(salt: string, key: string): Buffer {
  return createHash('sha256').update(salt, 'utf8').update('\0').update(key, 'utf8').digest();
}
