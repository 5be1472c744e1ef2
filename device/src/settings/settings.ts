import { join } from 'node:path';
import { readApiKey } from './api-key.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { defaultSettingsFile, readSettingsFile } from './file.ts';
import type { StoredSettings } from './file.ts';
import { SettingsError } from '../../../common/src/system/settings-error.ts';
import { flagKey, SETTING_NAMES, SETTINGS } from './table.ts';
import type { SettingName, Settings } from './table.ts';
import { badValue } from './bad-value.ts';

export { SettingsError } from '../../../common/src/system/settings-error.ts';
export { settingFlags } from './table.ts';
export type { SettingName, Settings } from './table.ts';

/** Where values come from; flags go over variables over credentials over the settings file over defaults. */
export interface SettingsSources {
  /** As commander parsed them (`command.opts()`); other keys are ignored. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `process.env` when absent. An empty variable counts as unset. */
  readonly env?: NodeJS.ProcessEnv;
  /** Path of the settings file; see `defaultSettingsFile`. */
  readonly settingsFile?: string | undefined;
}

export type SettingOrigin = 'flag' | 'variable' | 'credential' | 'file' | 'default' | 'unset';

export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, SettingOrigin>>;
  readonly settingsFile: string;
  /** What in the settings file was passed over: to be logged as warnings. */
  readonly problems: readonly SettingsError[];
  /** The key that stands in the settings file itself, if one does. Only for `readApiKey`. */
  readonly storedApiKey: string | undefined;
}

/** All that a call needs. The key is known to the log's redactor by the time it is handed out. */
export interface RunSettings extends LoadedSettings {
  readonly settings: Settings & { readonly server: string; readonly deviceId: string };
  readonly apiKey: string;
  /** PEM; undefined: the system's certificate authorities. */
  readonly ca: string | undefined;
}

/**
 * A wrong value in the settings file costs that value only; a wrong flag or variable is the caller's to mend.
 * @throws {SettingsError} bad-value, from a flag, a variable or a credential
 */
export function loadSettings(sources: SettingsSources = {}): Promise<LoadedSettings> {
  return load(sources, (error) => {
    throw error;
  });
}

/** `loadSettings` for whoever has to go on and say what is wrong: what does not hold is passed over wherever it stands. */
export async function loadWhatHolds(sources: SettingsSources = {}): Promise<LoadedSettings> {
  const wrong: SettingsError[] = [];
  const loaded = await load(sources, (error) => wrong.push(error));
  return { ...loaded, problems: [...wrong, ...loaded.problems] };
}

async function load(sources: SettingsSources, wrong: (error: SettingsError) => void): Promise<LoadedSettings> {
  const { flags = {}, env = process.env } = sources;
  const settingsFile = sources.settingsFile ?? defaultSettingsFile(env);
  const stored = await readSettingsFile(settingsFile);
  const chosen = SETTING_NAMES.map((name): readonly [SettingName, Choice] => {
    try {
      return [name, choose(name, flags, env, stored)];
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      wrong(error);
      return [name, byDefault(name)];
    }
  });
  const storedApiKey = stored.values['apiKey'];
  return {
    settings: Object.fromEntries(chosen.map(([name, { value }]) => [name, value])) as unknown as Settings,
    origins: Object.fromEntries(chosen.map(([name, { origin }]) => [name, origin])) as Record<
      SettingName,
      SettingOrigin
    >,
    settingsFile,
    problems: stored.problems,
    storedApiKey: typeof storedApiKey === 'string' ? storedApiKey : undefined,
  };
}

/**
 * `loadSettings`, with what `bestday-phone run` cannot do without.
 * @throws {SettingsError} bad-value, missing, unreadable, bad-file, exposed-key
 */
export async function loadRunSettings(sources: SettingsSources = {}): Promise<RunSettings> {
  const loaded = await loadSettings(sources);
  const { settings } = loaded;
  const server = settings.server ?? missing('server', loaded);
  const deviceId = settings.deviceId ?? missing('deviceId', loaded);
  return {
    ...loaded,
    settings: { ...settings, server, deviceId },
    apiKey: readApiKey(loaded, sources.env ?? process.env),
    ca: readCa(settings.caFile),
  };
}

interface Choice {
  readonly value: unknown;
  readonly origin: SettingOrigin;
}

function choose(
  name: SettingName,
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  stored: StoredSettings,
): Choice {
  const { flag, env: variable, credential, stored: mayBeStored } = SETTINGS[name];
  const given = flags[flagKey(flag)];
  if (given !== undefined)
    return {
      value: fromText(name, typeof given === 'string' ? given : JSON.stringify(given), `from ${flag}`),
      origin: 'flag',
    };
  const set = env[variable];
  if (set) return { value: fromText(name, set, `from ${variable}`), origin: 'variable' };
  const held = credential === undefined ? undefined : readCredential(credential, env);
  if (held !== undefined)
    return { value: fromText(name, held, `from the credential ${credential}`), origin: 'credential' };
  if (mayBeStored && Object.hasOwn(stored.values, name)) return { value: stored.values[name], origin: 'file' };
  return byDefault(name);
}

function byDefault(name: SettingName): Choice {
  const { default: value } = SETTINGS[name];
  return { value, origin: value === undefined ? 'unset' : 'default' };
}

function fromText(name: SettingName, text: string, from: string): unknown {
  const { kind } = SETTINGS[name];
  const value = kind.fromText(text);
  if (!kind.holds(value)) throw badValue(name, value, from);
  return value;
}

function readCredential(credential: string, env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY'];
  return folder ? readNamedFile(join(folder, credential), credential)?.content.trim() : undefined;
}

function missing(name: 'server' | 'deviceId', { problems, settingsFile }: LoadedSettings): never {
  const { flag, placeholder, env } = SETTINGS[name];
  // What made it missing says more than that it is.
  const reason = problems.find(
    ({ setting, fault }) => setting === name || fault === 'bad-file' || fault === 'unreadable',
  );
  const message = `${name} is set nowhere: give ${flag} ${placeholder}, set ${env}, or run \`bestday-phone config set ${name} ${placeholder}\` (kept in ${settingsFile})`;
  throw new SettingsError('missing', name, reason === undefined ? message : `${message}. ${reason.message}`, {
    cause: reason,
  });
}

function readCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const pem = readNamedFile(file, 'caFile')?.content;
  if (pem === undefined)
    throw new SettingsError(
      'unreadable',
      'caFile',
      `caFile: there is no ${file}; give the PEM file of your certificate authority`,
    );
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new SettingsError(
    'bad-file',
    'caFile',
    `caFile: ${file} holds no PEM certificate (-----BEGIN CERTIFICATE-----)`,
  );
}
