import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { errorCode, ServerError } from '../system/errors.ts';
import { LLM_VENDORS } from './llm/vendors.ts';
import { oneOf } from './setting.ts';
import type { Setting, Settings } from './setting.ts';
import { STT_VENDORS } from './stt/vendors.ts';
import { TTS_VENDORS } from './tts/vendors.ts';
import type { VendorTable } from './vendor.ts';

/** Which vendor serves each stage, and how it is reached. Secrets are elsewhere: see service-keys.ts. */
export interface ServiceSettings {
  readonly stt: string;
  readonly llm: string;
  readonly tts: string;
  readonly prepare: string;
  readonly race: string;
  /** Those of the vendors, by the names in their rows. */
  readonly [name: string]: string | undefined;
}

const PIPELINE_SETTINGS = {
  stt: choiceOf('speech-to-text', STT_VENDORS),
  llm: choiceOf('language model', LLM_VENDORS),
  tts: choiceOf('text-to-speech', TTS_VENDORS),
  prepare: oneOf(
    ['in-pauses', 'never'],
    "begin answers in the patient's pauses; those that come too soon are dropped and cost their requests",
  ),
  race: oneOf(
    ['when-slow', 'never'],
    'while the language model or text-to-speech is slow, send each request two or three times at once and use the quickest answer',
  ),
};

/** Flags, variables, file and help all come from here, and this from the vendors' tables. */
export const SERVICE_SETTINGS: Readonly<Record<string, NamedSetting>> = Object.fromEntries([
  ...named(PIPELINE_SETTINGS, 'BESTDAY_SERVER_'),
  ...[...STT_VENDORS, ...LLM_VENDORS, ...TTS_VENDORS].flatMap(({ settings }) => named(settings, 'BESTDAY_')),
]);

interface NamedSetting extends Setting {
  readonly flag: string;
  readonly env: string;
}

function choiceOf(stage: string, table: VendorTable<unknown, unknown>): Setting {
  const [first, ...others] = table;
  return oneOf(
    [first.name, ...others.map(({ name }) => name)],
    `${stage}: ${table.map(({ name, about }) => `${name} is ${about}`).join('; ')}`,
  );
}

/** `llmKeyFile` is `--llm-key-file` and `BESTDAY_LLM_KEY_FILE`. */
function named(settings: Settings, prefix: string): [string, NamedSetting][] {
  return Object.entries(settings).map(([name, setting]) => {
    const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [name, { ...setting, flag: `--${words}`, env: prefix + words.replaceAll('-', '_').toUpperCase() }];
  });
}

/**
 * A flag takes precedence over a variable, a variable over the file, the file over the default.
 * @param flags by setting
 * @param file JSON of settings by name
 * @throws {ServerError} bad-option, bad-file
 */
export function readServiceSettings(
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  file: string | undefined,
): ServiceSettings {
  const stored = file === undefined ? {} : readFile(file);
  const values = Object.entries(SERVICE_SETTINGS).map(([name, setting]): [string, string | undefined] => {
    const given = [
      [flags[name], setting.flag],
      [env[setting.env], setting.env],
      [stored[name], `${file}: ${name}`],
    ].find(([value]) => value !== undefined);
    return [name, given === undefined ? setting.default : checked(setting, given[0], String(given[1]))];
  });
  return Object.fromEntries(values) as ServiceSettings;
}

function checked({ allowed, want }: NamedSetting, value: unknown, from: string): string {
  if (typeof value === 'string' && allowed.test(value)) return value;
  throw new ServerError('bad-option', `${from} must be ${want}`);
}

function readFile(path: string): Readonly<Record<string, unknown>> {
  try {
    const file = readNamedFile(path, 'settings');
    if (file === undefined) throw new ServerError('bad-file', `--services: there is no file ${path}`);
    const value: unknown = JSON.parse(file.content);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(SERVICE_SETTINGS, name));
    if (unknown !== undefined)
      throw new ServerError('bad-file', `${path}: there is no setting '${unknown}'; bestday-server --help names them`);
    return value as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw new ServerError(
      'bad-file',
      `${path} must be a JSON object of settings by name (${error instanceof SyntaxError ? 'it is no JSON' : errorCode(error)})`,
      { cause: error },
    );
  }
}
