import { loadWhatHolds } from './settings.ts';
import type { LoadedSettings, SettingOrigin, SettingsSources } from './settings.ts';
import { SettingsError } from '../../../common/src/system/settings-error.ts';
import { writeSetting } from './file.ts';
import { API_KEY, apiKeyKind, isSettingName, SETTING_NAMES, SETTINGS } from './table.ts';
import type { SettingName } from './table.ts';
import { badValue } from './bad-value.ts';

export type ConfigRequest =
  | { readonly action: 'list' }
  | { readonly action: 'get'; readonly name: string }
  /** `stdin` true: the value came from standard input, not from an argument that other processes can see. */
  | { readonly action: 'set'; readonly name: string; readonly value: string; readonly stdin: boolean };

export interface CommandResult {
  /** For standard output; empty, or whole lines. */
  readonly output: string;
  /** For standard error: warnings, or why it failed. */
  readonly errors: string;
  readonly exitCode: 0 | 1;
}

const ORIGINS: Readonly<Record<SettingOrigin, string>> = {
  flag: 'flag',
  variable: 'environment',
  credential: 'systemd credential',
  file: 'settings file',
  default: 'default',
  unset: 'not set',
};

/** `bestday-phone config get|set|list`. Never throws for what a person may have mistaken. */
export async function configCommand(request: ConfigRequest, sources: SettingsSources = {}): Promise<CommandResult> {
  try {
    const loaded = await loadWhatHolds(sources);
    const warnings = loaded.problems.map(({ message }) => `warning: ${message}\n`).join('');
    return { output: await answer(request, loaded), errors: warnings, exitCode: 0 };
  } catch (error) {
    if (error instanceof SettingsError) return { output: '', errors: `${error.message}\n`, exitCode: 1 };
    throw error;
  }
}

async function answer(request: ConfigRequest, loaded: LoadedSettings): Promise<string> {
  if (request.action === 'list') return list(loaded);
  if (request.action === 'get') return get(request.name, loaded);
  return set(request, loaded.settingsFile);
}

function list(loaded: LoadedSettings): string {
  const rows = SETTING_NAMES.filter((name) => SETTINGS[name].stored).map((name) => [
    name,
    shownValue(name, loaded),
    ORIGINS[loaded.origins[name]],
    SETTINGS[name].description,
  ]);
  rows.push([
    API_KEY,
    keyState(loaded),
    loaded.storedApiKey === undefined ? ORIGINS.unset : ORIGINS.file,
    'the API key itself, never shown; rather use apiKeyFile',
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return `${loaded.settingsFile}\n${lines.join('\n')}\n`;
}

function get(name: string, loaded: LoadedSettings): string {
  if (name === API_KEY) return `${keyState(loaded)}\n`;
  return `${shownValue(known(name), loaded)}\n`;
}

async function set({ name, value, stdin }: Extract<ConfigRequest, { action: 'set' }>, file: string): Promise<string> {
  if (name === API_KEY) return setKey(value, stdin, file);
  const setting = known(name);
  const { kind, stored, flag } = SETTINGS[setting];
  if (!stored)
    throw new SettingsError(
      'bad-value',
      name,
      `${name} belongs to one run and is not kept: give ${flag} to \`bestday-phone run\``,
    );
  const typed = kind.fromText(stdin ? value.trim() : value);
  if (!kind.holds(typed)) throw badValue(setting, typed, 'from config set');
  await writeSetting(file, name, typed);
  return `${name} = ${typed} (in ${file})\n`;
}

async function setKey(value: string, stdin: boolean, file: string): Promise<string> {
  if (!stdin) {
    throw new SettingsError(
      'exposed-key',
      API_KEY,
      'the API key is never taken from an argument, which other processes can read: bestday-phone config set apiKey --stdin < FILE. Have the key replaced if it was a real one',
    );
  }
  const key = value.trim();
  if (!apiKeyKind.holds(key))
    throw new SettingsError('bad-value', API_KEY, `the API key must be ${apiKeyKind.allowed}; what came is not shown`);
  await writeSetting(file, API_KEY, key);
  return `${API_KEY} is set (in ${file}, mode 0600)\n`;
}

function known(name: string): SettingName {
  if (isSettingName(name)) return name;
  throw new SettingsError(
    'unknown-setting',
    name,
    `there is no setting '${name.slice(0, 80)}'; there are ${[...SETTING_NAMES, API_KEY].join(', ')}`,
  );
}

function shownValue(name: SettingName, { settings }: LoadedSettings): string {
  return String(settings[name] ?? '');
}

function keyState({ storedApiKey }: LoadedSettings): string {
  return storedApiKey === undefined ? '' : '(set, not shown)';
}
