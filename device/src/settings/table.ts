import { ACK_INTERVAL_MS, DEFAULT_MAX_QUEUE_MS, MAX_QUEUE_LIMIT_MS } from '../../../protocol/src/index.ts';
import { choice, integer, seconds, serverUrl, text } from './kinds.ts';
import type { Kind } from './kinds.ts';

/** Every setting of the phone. Undefined: set nowhere, and without a default. */
export interface Settings {
  readonly server: string | undefined;
  readonly deviceId: string | undefined;
  readonly apiKeyFile: string | undefined;
  readonly caFile: string | undefined;
  readonly authHeader: string;
  readonly authScheme: 'bearer' | 'plain';
  readonly deviceHeader: string;
  readonly audio: 'auto' | 'portaudio' | 'alsa' | 'file' | 'tone' | 'null';
  readonly inputDevice: string | undefined;
  readonly outputDevice: string | undefined;
  readonly codec: 'opus' | 'pcm';
  /** bit/s */
  readonly bitrate: number;
  readonly language: string;
  readonly maxQueueMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'auto' | 'json' | 'text';
  readonly controls: 'script' | 'gpio' | 'keyboard' | 'socket';
  readonly board: string | undefined;
  /** 0 … 9 */
  readonly volume: number;
  readonly offHookHours: number;
  readonly controlSocket: string | undefined;
  readonly inputFile: string | undefined;
  readonly inputRepeat: 'once' | 'forever';
  readonly outputFile: string | undefined;
  readonly durationSeconds: number | undefined;
  readonly reportFile: string | undefined;
}

export type SettingName = keyof Settings;

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly description: string;
  readonly default?: T;
  /** `--flag`, and the word for its value in the help. */
  readonly flag: string;
  readonly placeholder: string;
  readonly env: string;
  /** Name under `$CREDENTIALS_DIRECTORY` (systemd) that may hold it. */
  readonly credential?: string;
  /** False: of one run only, so that it has no place in the settings file. */
  readonly stored: boolean;
}

type Table = { readonly [Name in SettingName]: Setting<Exclude<Settings[Name], undefined>> };

const path = text(/^[^\0]{1,4096}$/, 'the path of a file');
const deviceName = text(/^[^\0\r\n]{1,200}$/, "part of a device's name, as `bestday-phone devices` lists it");
const headerName = text(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'the name of an HTTP header');
const uuid = text(
  /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
  'a UUID, as `bestday-server device add` prints it',
);
const languageTag = text(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/, 'a language tag such as en or de-CH');

/** The server learns once in `ACK_INTERVAL_MS` what was played: a queue that is shorter than this, and the path, runs dry in between. */
const MIN_QUEUE_MS = ACK_INTERVAL_MS + 200;

/** The one place where a setting is made: flags, variables, schema, checks and help all come from here. */
export const SETTINGS: Table = {
  server: {
    kind: serverUrl(),
    flag: '--server',
    placeholder: 'URL',
    env: 'BESTDAY_SERVER',
    stored: true,
    description: 'conversation server',
  },
  deviceId: {
    kind: uuid,
    flag: '--device-id',
    placeholder: 'UUID',
    env: 'BESTDAY_DEVICE_ID',
    credential: 'phone.device-id',
    stored: true,
    description: 'identity of this phone',
  },
  apiKeyFile: {
    kind: path,
    flag: '--api-key-file',
    placeholder: 'FILE',
    env: 'BESTDAY_API_KEY_FILE',
    stored: true,
    description: 'file that holds the API key, mode 0600',
  },
  caFile: {
    kind: path,
    flag: '--ca-file',
    placeholder: 'FILE',
    env: 'BESTDAY_CA_FILE',
    stored: true,
    description: "PEM of a private certificate authority, in place of the system's",
  },
  authHeader: {
    kind: headerName,
    default: 'Authorization',
    flag: '--auth-header',
    placeholder: 'NAME',
    env: 'BESTDAY_AUTH_HEADER',
    stored: true,
    description: 'header that carries the API key',
  },
  authScheme: {
    kind: choice('bearer', 'plain'),
    default: 'bearer',
    flag: '--auth-scheme',
    placeholder: 'SCHEME',
    env: 'BESTDAY_AUTH_SCHEME',
    stored: true,
    description: 'bearer writes `Bearer KEY`, plain the key alone',
  },
  deviceHeader: {
    kind: headerName,
    default: 'Device-Id',
    flag: '--device-header',
    placeholder: 'NAME',
    env: 'BESTDAY_DEVICE_HEADER',
    stored: true,
    description: "header that carries the device's id",
  },
  audio: {
    kind: choice('auto', 'portaudio', 'alsa', 'file', 'tone', 'null'),
    default: 'auto',
    flag: '--audio',
    placeholder: 'BACKEND',
    env: 'BESTDAY_AUDIO',
    stored: true,
    description: 'sound system; auto takes the first that opens',
  },
  inputDevice: {
    kind: deviceName,
    flag: '--input-device',
    placeholder: 'NAME',
    env: 'BESTDAY_INPUT_DEVICE',
    stored: true,
    description: 'microphone',
  },
  outputDevice: {
    kind: deviceName,
    flag: '--output-device',
    placeholder: 'NAME',
    env: 'BESTDAY_OUTPUT_DEVICE',
    stored: true,
    description: 'speaker',
  },
  codec: {
    kind: choice('opus', 'pcm'),
    default: 'opus',
    flag: '--codec',
    placeholder: 'CODEC',
    env: 'BESTDAY_CODEC',
    stored: true,
    description: 'codec to ask the server for',
  },
  // RFC 6716 §2.1.1: wideband speech needs 16 to 20 kbit/s; below 8 or over 128 nothing is gained for one voice.
  bitrate: {
    kind: integer(8_000, 128_000, 'bit/s'),
    default: 32_000,
    flag: '--bitrate',
    placeholder: 'BPS',
    env: 'BESTDAY_BITRATE',
    stored: true,
    description: 'Opus bit rate to start from',
  },
  language: {
    kind: languageTag,
    default: 'en',
    flag: '--language',
    placeholder: 'TAG',
    env: 'BESTDAY_LANGUAGE',
    stored: true,
    description: 'language of the conversation and the prompts',
  },
  maxQueueMs: {
    kind: integer(MIN_QUEUE_MS, MAX_QUEUE_LIMIT_MS, 'ms'),
    default: DEFAULT_MAX_QUEUE_MS,
    flag: '--max-queue-ms',
    placeholder: 'MS',
    env: 'BESTDAY_MAX_QUEUE_MS',
    stored: true,
    description: 'how far ahead of the ear the server may send',
  },
  logLevel: {
    kind: choice('debug', 'info', 'warn', 'error'),
    default: 'info',
    flag: '--log-level',
    placeholder: 'LEVEL',
    env: 'BESTDAY_LOG_LEVEL',
    stored: true,
    description: 'least serious lines to write',
  },
  logFormat: {
    kind: choice('auto', 'json', 'text'),
    default: 'auto',
    flag: '--log-format',
    placeholder: 'FORMAT',
    env: 'BESTDAY_LOG_FORMAT',
    stored: true,
    description: 'auto is text on a terminal, JSON elsewhere',
  },
  controls: {
    kind: choice('script', 'gpio', 'keyboard', 'socket'),
    default: 'script',
    flag: '--controls',
    placeholder: 'KIND',
    env: 'BESTDAY_CONTROLS',
    stored: true,
    description: 'what lifts the receiver; script lifts it at once, for one call',
  },
  board: {
    kind: path,
    flag: '--board',
    placeholder: 'NAME',
    env: 'BESTDAY_BOARD',
    stored: true,
    description: 'board profile: a name under hardware/, or the path of one',
  },
  volume: {
    kind: integer(0, 9, '3 dB a step'),
    default: 6,
    flag: '--volume',
    placeholder: 'LEVEL',
    env: 'BESTDAY_VOLUME',
    stored: true,
    description: 'loudness; 0 is quiet, never silent',
  },
  // Long enough for an afternoon's nap beside the phone.
  offHookHours: {
    kind: integer(1, 24, 'hours'),
    default: 3,
    flag: '--off-hook-hours',
    placeholder: 'HOURS',
    env: 'BESTDAY_OFF_HOOK_HOURS',
    stored: true,
    description: 'without a voice for so long, a call with the receiver up ends',
  },
  controlSocket: {
    kind: path,
    flag: '--control-socket',
    placeholder: 'PATH',
    env: 'BESTDAY_CONTROL_SOCKET',
    stored: true,
    description: 'unix socket for status, volume and metrics',
  },
  inputFile: {
    kind: path,
    flag: '--input',
    placeholder: 'IN.wav',
    env: 'BESTDAY_INPUT',
    stored: false,
    description: '16 kHz mono 16-bit WAV to speak (audio: file)',
  },
  inputRepeat: {
    kind: choice('once', 'forever'),
    default: 'once',
    flag: '--input-repeat',
    placeholder: 'TIMES',
    env: 'BESTDAY_INPUT_REPEAT',
    stored: false,
    description: 'how often the WAV is spoken',
  },
  outputFile: {
    kind: path,
    flag: '--output',
    placeholder: 'OUT.wav',
    env: 'BESTDAY_OUTPUT',
    stored: false,
    description: 'WAV to write what is heard to (audio: file)',
  },
  durationSeconds: {
    kind: seconds(86_400),
    flag: '--duration',
    placeholder: 'SECONDS',
    env: 'BESTDAY_DURATION',
    stored: false,
    description: 'hang up after this long',
  },
  reportFile: {
    kind: path,
    flag: '--report',
    placeholder: 'REPORT.json',
    env: 'BESTDAY_REPORT',
    stored: false,
    description: 'file for the call report',
  },
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The one thing in the settings file that is no setting: a secret, with neither flag nor variable. */
export const API_KEY = 'apiKey';

/** A key stands in an HTTP header: visible ASCII, long enough to be one, and bounded. */
export const apiKeyKind = text(/^[\x21-\x7e]{8,512}$/, '8 to 512 visible ASCII characters without spaces');

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
