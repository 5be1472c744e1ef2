import { closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import type Conf from 'conf';
import { API_KEY, apiKeyKind, fileSchema, isSettingName, SETTINGS } from './table.ts';
import { errorCode, SettingsError } from '../../../common/src/system/settings-error.ts';
import { asOwnerOf } from '../../../common/src/system/as-owner.ts';
import { badValue } from './bad-value.ts';

const MAX_FILE_BYTES = 64 * 1024;

export interface StoredSettings {
  /** Only what holds; by name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** What was passed over, and why. */
  readonly problems: readonly SettingsError[];
}

/** `BESTDAY_SETTINGS_FILE`, else in systemd's state folder, else in the user's own configuration. */
export function defaultSettingsFile(env: NodeJS.ProcessEnv): string {
  const named = env['BESTDAY_SETTINGS_FILE'];
  if (named) return named;
  // systemd separates several state folders by colons; the first is ours.
  const state = env['STATE_DIRECTORY']?.split(':')[0];
  if (state) return join(state, 'settings.json');
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'bestday-phone', 'settings.json');
}

/** Never throws: a phone with a spoilt file still has its flags and defaults. Loads `conf` only when there is a file. */
export async function readSettingsFile(file: string): Promise<StoredSettings> {
  if (!existsSync(file)) return { values: {}, problems: [] };
  const problems: SettingsError[] = [];
  try {
    const values = (await open(file, problems)).store;
    return { values: { ...values }, problems };
  } catch (error) {
    return { values: {}, problems: [asSettingsError(error, file)] };
  }
}

/**
 * Writes one value, keeping the others, with mode 0600. Values that do not hold are dropped on the way.
 * @throws {SettingsError} bad-file, unreadable, unwritable
 */
export async function writeSetting(file: string, name: string, value: unknown): Promise<void> {
  let store: Conf<Record<string, unknown>>;
  try {
    store = await open(file, []);
  } catch (error) {
    throw asSettingsError(error, file);
  }
  try {
    asOwnerOf(dirname(file), () => {
      store.set(name, value);
      settle(dirname(file));
    });
  } catch (error) {
    throw new SettingsError(
      'unwritable',
      name,
      `${file} cannot be written (${errorCode(error)}): run this as the user who owns it, or name another file with --settings-file`,
      { cause: error },
    );
  }
}

/** `conf` writes a draft, syncs it and renames it; the new name itself outlives a power cut only from here on. */
function settle(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function open(file: string, problems: SettingsError[]): Promise<Conf<Record<string, unknown>>> {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status !== undefined && (!status.isFile() || status.size > MAX_FILE_BYTES)) {
    throw new SettingsError(
      'bad-file',
      undefined,
      `${file} is no settings file: a plain file of at most ${MAX_FILE_BYTES} bytes is needed. Move it away, or name another with --settings-file`,
    );
  }
  const { default: Store } = await import('conf');
  const options = {
    cwd: dirname(file),
    configName: basename(file, extname(file)),
    fileExtension: extname(file),
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    schema: fileSchema(),
    deserialize: (content: string) => sieve(parse(content, file), file, problems),
  };
  return asOwnerOf(dirname(file), () => new Store<Record<string, unknown>>(options));
}

function parse(content: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    // The parser's own message quotes the content, which may be the key; it is not passed on as a cause.
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SettingsError(
    'bad-file',
    undefined,
    `${file} is not one JSON object: mend it or move it away; until then flags, variables and defaults hold`,
  );
}

/** Leaves out what the schema would refuse, so that one wrong value does not cost all the others. */
function sieve(values: Record<string, unknown>, file: string, problems: SettingsError[]): Record<string, unknown> {
  // `conf` reads the file more than once; the last reading counts.
  problems.length = 0;
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => {
      const fault = faultOf(name, value, file);
      if (fault !== undefined) problems.push(fault);
      return fault === undefined || fault.fault === 'unknown-setting';
    }),
  );
}

function faultOf(name: string, value: unknown, file: string): SettingsError | undefined {
  if (name === API_KEY)
    return apiKeyKind.holds(value)
      ? undefined
      : new SettingsError('bad-value', API_KEY, `${API_KEY} in ${file} must be ${apiKeyKind.allowed}`);
  if (!isSettingName(name) || !SETTINGS[name].stored) {
    return new SettingsError(
      'unknown-setting',
      name,
      `${file} holds '${name.slice(0, 80)}', which is no stored setting; it is ignored. \`bestday-phone config list\` shows those there are`,
    );
  }
  return SETTINGS[name].kind.holds(value) ? undefined : badValue(name, value, `from ${file}`);
}

function asSettingsError(error: unknown, file: string): SettingsError {
  if (error instanceof SettingsError) return error;
  return new SettingsError(
    'unreadable',
    undefined,
    `${file} cannot be read (${errorCode(error)}): make it readable for this user, or name another with --settings-file`,
    { cause: error },
  );
}
