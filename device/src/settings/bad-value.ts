import { SETTINGS } from './table.ts';
import type { SettingName } from './table.ts';
import { SettingsError } from '../../../common/src/system/settings-error.ts';

const MAX_SHOWN = 80;

/** The error for a value that is not allowed. @param from 'from --codec' */
export function badValue(name: SettingName, value: unknown, from: string): SettingsError {
  return new SettingsError(
    'bad-value',
    name,
    `${name}: ${shown(value)} (${from}) is not allowed; it must be ${SETTINGS[name].kind.allowed}`,
  );
}

/** A value as it may stand in a message: short, on one line, and without the password of a URL. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const safe = text
    .replace(/\/\/[^/@]*@/g, '//…@')
    .replace(/[?#].*$/s, '?…')
    .slice(0, MAX_SHOWN);
  return typeof value === 'string' ? JSON.stringify(safe) : safe;
}
