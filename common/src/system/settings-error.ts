export type SettingsFault =
  | 'bad-value' // a value outside what is allowed
  | 'missing' // needed and set nowhere
  | 'unknown-setting'
  | 'bad-file' // the settings file, a key or a certificate cannot be understood
  | 'unreadable'
  | 'unwritable'
  | 'exposed-key'; // a key that others on this machine can read

/** A setting that cannot be used. The text names the setting, where it came from, and what to do; never a secret. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly fault: SettingsFault;
  /** Name of the setting; undefined when a whole file is at fault. */
  readonly setting: string | undefined;

  constructor(fault: SettingsFault, setting: string | undefined, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.setting = setting;
  }
}

/** Why a file operation failed, in a word (`EACCES`) or a few: the system's own message would name the path again. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error ? String(error.code) : error.message;
}
