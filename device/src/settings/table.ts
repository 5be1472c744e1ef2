import { ACK_INTERVAL_MS, DEFAULT_MAX_QUEUE_MS, MAX_QUEUE_LIMIT_MS } from '../../../protocol/src/index.ts';
import { apiKeyKind, boardKind, deviceIdKind, deviceNameKind } from './checks.ts';
import { choice, integer, seconds, serverUrl, text } from './kinds.ts';
import type { Kind } from './kinds.ts';

const path = text(/^[^\0-\x1f\x7f-\x9f]{1,4096}$/, 'the path of a file');
const headerName = text(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'the name of an HTTP header');
const languageTag = text(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'a language tag such as en or de-CH');

/** The server learns once in `ACK_INTERVAL_MS` what was played: a queue that is shorter than this, and the path, runs dry in between. */
const MIN_QUEUE_MS = ACK_INTERVAL_MS + 200;

/**
 * Every setting of the phone: one row each. The type `Settings`, the flags and their help, the environment variables,
 * the JSON schema of the settings file, `config list` and the checks all come from here.
 */
const ROWS = {
  server: { kind: serverUrl(), placeholder: 'URL', description: 'conversation server' },
  deviceId: {
    kind: deviceIdKind,
    placeholder: 'UUID',
    credential: 'phone.device-id',
    description: 'identity of this phone',
  },
  apiKeyFile: { kind: path, placeholder: 'FILE', description: 'file that holds the API key, mode 0600' },
  caFile: {
    kind: path,
    placeholder: 'FILE',
    description: "PEM of a private certificate authority, in place of the system's",
  },
  authHeader: {
    kind: headerName,
    default: 'Authorization',
    placeholder: 'NAME',
    description: 'header that carries the API key',
  },
  authScheme: {
    kind: choice('bearer', 'plain'),
    default: 'bearer',
    placeholder: 'SCHEME',
    description: 'bearer writes `Bearer KEY`, plain the key alone',
  },
  deviceHeader: {
    kind: headerName,
    default: 'Device-Id',
    placeholder: 'NAME',
    description: "header that carries the device's id",
  },
  audio: {
    kind: choice('auto', 'portaudio', 'alsa', 'file', 'tone', 'null'),
    default: 'auto',
    placeholder: 'BACKEND',
    description: 'sound system; auto takes the first that opens',
  },
  inputDevice: { kind: deviceNameKind, placeholder: 'NAME', description: 'microphone' },
  outputDevice: { kind: deviceNameKind, placeholder: 'NAME', description: 'speaker' },
  codec: {
    kind: choice('opus', 'pcm'),
    default: 'opus',
    placeholder: 'CODEC',
    description: 'codec to ask the server for',
  },
  // RFC 6716 §2.1.1: wideband speech needs 16 to 20 kbit/s; below 8 or over 128 nothing is gained for one voice.
  bitrate: {
    kind: integer(8_000, 128_000, 'bit/s'),
    default: 32_000,
    placeholder: 'BPS',
    description: 'Opus bit rate to start from',
  },
  language: {
    kind: languageTag,
    default: 'en',
    placeholder: 'TAG',
    description: 'language of the conversation and the prompts',
  },
  maxQueueMs: {
    kind: integer(MIN_QUEUE_MS, MAX_QUEUE_LIMIT_MS, 'ms'),
    default: DEFAULT_MAX_QUEUE_MS,
    placeholder: 'MS',
    description: 'how far ahead of playout the server may send',
  },
  logLevel: {
    kind: choice('debug', 'info', 'warn', 'error'),
    default: 'info',
    placeholder: 'LEVEL',
    description: 'least serious lines to write',
  },
  logFormat: {
    kind: choice('auto', 'json', 'text'),
    default: 'auto',
    placeholder: 'FORMAT',
    description: 'auto is text on a terminal, JSON elsewhere',
  },
  controls: {
    kind: choice('script', 'gpio', 'keyboard', 'socket'),
    default: 'script',
    placeholder: 'KIND',
    description: 'what lifts the receiver; script lifts it at once, for one call',
  },
  board: {
    kind: boardKind,
    placeholder: 'NAME',
    description: 'board profile: a name under hardware/profiles/, or the path of one',
  },
  volume: {
    kind: integer(0, 9, '3 dB a step'),
    default: 6,
    placeholder: 'LEVEL',
    description: 'loudness; 0 is quiet, never silent',
  },
  // Long enough for an afternoon's nap beside the phone.
  offHookHours: {
    kind: integer(1, 24, 'hours'),
    default: 3,
    placeholder: 'HOURS',
    description: 'without a voice for so long, a call with the receiver up ends',
  },
  controlSocket: { kind: path, placeholder: 'PATH', description: 'unix socket for status, volume and metrics' },
  inputFile: {
    kind: path,
    flag: '--input',
    placeholder: 'IN.wav',
    stored: false,
    description: '16 kHz mono 16-bit WAV to speak (audio: file)',
  },
  inputRepeat: {
    kind: choice('once', 'forever'),
    default: 'once',
    placeholder: 'TIMES',
    stored: false,
    description: 'how often the WAV is spoken',
  },
  outputFile: {
    kind: path,
    flag: '--output',
    placeholder: 'OUT.wav',
    stored: false,
    description: 'WAV to write what is heard to (audio: file)',
  },
  durationSeconds: {
    kind: seconds(86_400),
    flag: '--duration',
    placeholder: 'SECONDS',
    stored: false,
    description: 'hang up after this long',
  },
  reportFile: {
    kind: path,
    flag: '--report',
    placeholder: 'REPORT.json',
    stored: false,
    description: 'file for the call report',
  },
} satisfies Readonly<Record<string, Row<string> | Row<number>>>;

interface Row<T> {
  readonly kind: Kind<T>;
  readonly default?: T;
  /** When absent, it follows from the name: `deviceId` is `--device-id`. */
  readonly flag?: string;
  /** The word for the value in the help. */
  readonly placeholder: string;
  /** Name under `$CREDENTIALS_DIRECTORY` (systemd) that may hold it. */
  readonly credential?: string;
  /** False: for one run only, so that it has no place in the settings file. */
  readonly stored?: false;
  readonly description: string;
}

export type SettingName = keyof typeof ROWS;

/** Undefined: set nowhere, and without a default. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof ROWS)[Name]> };

type ValueOf<R extends { readonly kind: Kind<unknown> }> =
  R['kind'] extends Kind<infer T> ? (R extends { readonly default: unknown } ? T : T | undefined) : never;

export interface Setting extends Omit<Row<string | number>, 'flag' | 'stored'> {
  readonly flag: string;
  readonly env: string;
  readonly stored: boolean;
}

/** The rows with what follows from them filled in. */
export const SETTINGS = Object.fromEntries(
  Object.entries<Row<string | number>>(ROWS).map(([name, row]) => [name, filledIn(name, row)]),
) as Readonly<Record<SettingName, Setting>>;

export const SETTING_NAMES = Object.keys(ROWS) as readonly SettingName[];

function filledIn(name: string, row: Row<string | number>): Setting {
  const flag = row.flag ?? `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const env = `BESTDAY_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`;
  return { ...row, flag, env, stored: row.stored ?? true };
}

/** The one thing in the settings file that is no setting: a secret, with neither flag nor variable. */
export const API_KEY = 'apiKey';

export { apiKeyKind };

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** JSON schemas of what the settings file may hold, by name, as `conf` takes them. */
export function fileSchema(): Record<string, Readonly<Record<string, unknown>>> {
  const stored = SETTING_NAMES.filter((name) => SETTINGS[name].stored);
  return {
    ...Object.fromEntries(stored.map((name) => [name, SETTINGS[name].kind.schema])),
    [API_KEY]: apiKeyKind.schema,
  };
}

export interface SettingFlag {
  /** As commander takes it: `--server <URL>`. */
  readonly flags: string;
  readonly description: string;
}

/** Command-line options of these settings, without defaults: what was not given must stay unseen. */
export function settingFlags(names: readonly SettingName[] = SETTING_NAMES): SettingFlag[] {
  return names.map((name) => {
    const { flag, placeholder, description, env, kind, default: byDefault } = SETTINGS[name];
    const values = kind.allowed.startsWith('one of ') ? `: ${kind.allowed.slice('one of '.length)}` : '';
    const without = byDefault === undefined ? '' : `default ${byDefault}; `;
    return { flags: `${flag} <${placeholder}>`, description: `${description}${values} (${without}${env})` };
  });
}

/** Key of a flag among commander's parsed options: `--device-id` is `deviceId`. */
export function flagKey(flag: string): string {
  return flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
