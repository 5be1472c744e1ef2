/**
 * Which phones there are, and which key each has. A port: `file-registry.ts` is the default adapter. A key is 256 random
 * bits, so its SHA-256 names it: a registry finds it in one look-up, and a stolen registry tells no key.
 */
export interface DeviceRegistry {
  /** @throws {ServerError} when the registry cannot be read */
  admit(deviceId: string, key: string): Promise<Admission>;
  list(): Promise<readonly DeviceEntry[]>;
  /**
   * @param id a new one when absent; a device that is there already gets a new key
   * @returns the key, which can never be read again
   * @throws {ServerError} bad-option
   */
  add(id?: string): Promise<{ readonly id: string; readonly key: string }>;
  /** @returns all that is set now @throws {ServerError} unknown-device, bad-option */
  set(id: string, settings: DeviceSettings): Promise<DeviceSettings>;
  /** @throws {ServerError} unknown-device */
  remove(id: string): Promise<void>;
  /** All devices with the hashes of their keys, for another registry's `import`. */
  export(): Promise<string>;
  /** All of them or none. @returns how many were added @throws {ServerError} bad-file */
  import(exported: string): Promise<number>;
  /** As of the last time the device was admitted. */
  settingsOf(id: string): DeviceSettings;
  /**
   * @param revoked called with a device's id within a second after its key has lost its right, in whichever process that
   *   was said
   */
  watch(revoked: (deviceId: string) => void): { stop(): void };
}

/** `unknown-key`: nobody has this key. `wrong-device`: somebody has, but not the device that was named. */
export type Admission = 'admitted' | 'unknown-key' | 'wrong-device';

/** What the server is told about one patient. */
export interface DeviceSettings {
  /** ms of silence that end the patient's turn; people with memory loss pause long. */
  readonly patienceMs?: number | undefined;
  /** BCP 47; instead of the one that the phone asks for. */
  readonly language?: string | undefined;
}

export interface DeviceEntry extends DeviceSettings {
  readonly id: string;
  /** ISO 8601. */
  readonly addedAt: string;
}
