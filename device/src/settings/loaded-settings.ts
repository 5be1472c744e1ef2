import type { SettingsError } from '../../../common/src/system/settings-error.ts';
import type { SettingName, Settings } from './table.ts';

/** The settings with where each came from. */
export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, SettingOrigin>>;
  readonly settingsFile: string;
  /** What in the settings file was passed over: to be logged as warnings. */
  readonly problems: readonly SettingsError[];
  /** The key that stands in the settings file itself, if one does. Only for `readApiKey`. */
  readonly storedApiKey: string | undefined;
}

export type SettingOrigin = 'flag' | 'variable' | 'credential' | 'file' | 'default' | 'unset';
