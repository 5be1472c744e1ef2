import { errorCode, ServerError } from '../system/errors.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';

/** Which service serves each stage, and how it is reached. Secrets are elsewhere: see service-keys.ts. */
export interface ServiceSettings {
  /** `offline`: the machine's recogniser, where one is installed. `wordless`: nobody; it is heard that somebody spoke. */
  readonly stt: 'offline' | 'wordless' | 'elevenlabs' | 'openai';
  readonly llm: 'offline' | 'openai';
  readonly tts: 'offline' | 'elevenlabs' | 'openai';
  /** Answers are begun in the patient's pauses, before anybody knows whether they are done. */
  readonly prepare: 'in-pauses' | 'never';
  /** A service that has been slow lately is asked several times at once. */
  readonly race: 'when-slow' | 'never';
  readonly elevenlabsUrl: string;
  readonly elevenlabsVoice: string;
  readonly elevenlabsTtsModel: string;
  readonly elevenlabsSttModel: string;
  readonly elevenlabsKeyFile: string | undefined;
  readonly llmUrl: string;
  readonly llmModel: string;
  readonly llmKeyFile: string | undefined;
  readonly llmPromptFile: string | undefined;
  readonly sttUrl: string;
  readonly sttModel: string;
  readonly sttKeyFile: string | undefined;
  readonly ttsUrl: string;
  readonly ttsModel: string;
  readonly ttsVoice: string;
  readonly ttsKeyFile: string | undefined;
}

export type ServiceSettingName = keyof ServiceSettings;

interface Setting {
  readonly flag: string;
  readonly placeholder: string;
  readonly env: string;
  readonly description: string;
  readonly default?: string;
  readonly allowed: RegExp;
  readonly want: string;
}

const URL_OF = {
  placeholder: 'URL',
  allowed: /^https?:\/\/[^\s?#@]{1,300}$/,
  want: 'https://HOST[:PORT][/PATH], without user, password, ? or #',
};
const NAME_OF = { placeholder: 'NAME', allowed: /^[\w.:/@ -]{1,200}$/, want: 'a name' };
const FILE_OF = { placeholder: 'FILE', allowed: /^[^\0]{1,4096}$/, want: 'the path of a file' };
const oneOf = (...names: string[]): Pick<Setting, 'placeholder' | 'allowed' | 'want'> => ({
  placeholder: names.join('|'),
  allowed: new RegExp(`^(${names.join('|')})$`),
  want: `one of ${names.join(', ')}`,
});

/** The one place where a setting is made: flags, variables, file and help all come from here. */
export const SERVICE_SETTINGS: { readonly [Name in ServiceSettingName]: Setting } = {
  stt: {
    ...oneOf('offline', 'wordless', 'elevenlabs', 'openai'),
    flag: '--stt',
    env: 'BESTDAY_SERVER_STT',
    default: 'offline',
    description: 'who understands what is said; offline is pocketsphinx where it is installed',
  },
  llm: {
    ...oneOf('offline', 'openai'),
    flag: '--llm',
    env: 'BESTDAY_SERVER_LLM',
    default: 'offline',
    description: 'who answers; openai is any server of that form',
  },
  tts: {
    ...oneOf('offline', 'elevenlabs', 'openai'),
    flag: '--tts',
    env: 'BESTDAY_SERVER_TTS',
    default: 'offline',
    description: 'who speaks',
  },
  prepare: {
    ...oneOf('in-pauses', 'never'),
    flag: '--prepare',
    env: 'BESTDAY_SERVER_PREPARE',
    default: 'in-pauses',
    description:
      "begin answers in the patient's pauses; those that come too soon are thrown away and cost their requests",
  },
  race: {
    ...oneOf('when-slow', 'never'),
    flag: '--race',
    env: 'BESTDAY_SERVER_RACE',
    default: 'when-slow',
    description:
      'while a language model or a voice is slow, send each request two or three times at once and use the quickest answer',
  },
  elevenlabsUrl: {
    ...URL_OF,
    flag: '--elevenlabs-url',
    env: 'BESTDAY_ELEVENLABS_URL',
    default: 'https://api.elevenlabs.io',
    description: 'ElevenLabs, or one of its regions',
  },
  elevenlabsVoice: {
    ...NAME_OF,
    flag: '--elevenlabs-voice',
    env: 'BESTDAY_ELEVENLABS_VOICE',
    default: '21m00Tcm4TlvDq8ikWAM',
    description: 'id of the voice',
  },
  elevenlabsTtsModel: {
    ...NAME_OF,
    flag: '--elevenlabs-tts-model',
    env: 'BESTDAY_ELEVENLABS_TTS_MODEL',
    default: 'eleven_flash_v2_5',
    description: 'model that speaks',
  },
  elevenlabsSttModel: {
    ...NAME_OF,
    flag: '--elevenlabs-stt-model',
    env: 'BESTDAY_ELEVENLABS_STT_MODEL',
    default: 'scribe_v2_realtime',
    description: 'model that listens',
  },
  elevenlabsKeyFile: {
    ...FILE_OF,
    flag: '--elevenlabs-key-file',
    env: 'BESTDAY_ELEVENLABS_KEY_FILE',
    description: 'file with its key, mode 0600',
  },
  llmUrl: {
    ...URL_OF,
    flag: '--llm-url',
    env: 'BESTDAY_LLM_URL',
    default: 'http://127.0.0.1:11434/v1',
    description: 'language model; the default is a local Ollama',
  },
  llmModel: {
    ...NAME_OF,
    flag: '--llm-model',
    env: 'BESTDAY_LLM_MODEL',
    default: 'llama3.2',
    description: 'model that answers',
  },
  llmKeyFile: {
    ...FILE_OF,
    flag: '--llm-key-file',
    env: 'BESTDAY_LLM_KEY_FILE',
    description: 'file with its key, mode 0600',
  },
  llmPromptFile: {
    ...FILE_OF,
    flag: '--llm-prompt-file',
    env: 'BESTDAY_LLM_PROMPT_FILE',
    description: 'who the companion is, in words for the model',
  },
  sttUrl: {
    ...URL_OF,
    flag: '--stt-url',
    env: 'BESTDAY_STT_URL',
    default: 'http://127.0.0.1:8000/v1',
    description: 'speech-to-text server',
  },
  sttModel: {
    ...NAME_OF,
    flag: '--stt-model',
    env: 'BESTDAY_STT_MODEL',
    default: 'whisper-1',
    description: 'model that listens',
  },
  sttKeyFile: {
    ...FILE_OF,
    flag: '--stt-key-file',
    env: 'BESTDAY_STT_KEY_FILE',
    description: 'file with its key, mode 0600',
  },
  ttsUrl: {
    ...URL_OF,
    flag: '--tts-url',
    env: 'BESTDAY_TTS_URL',
    default: 'http://127.0.0.1:8880/v1',
    description: 'text-to-speech server',
  },
  ttsModel: {
    ...NAME_OF,
    flag: '--tts-model',
    env: 'BESTDAY_TTS_MODEL',
    default: 'tts-1',
    description: 'model that speaks',
  },
  ttsVoice: { ...NAME_OF, flag: '--tts-voice', env: 'BESTDAY_TTS_VOICE', default: 'alloy', description: 'voice' },
  ttsKeyFile: {
    ...FILE_OF,
    flag: '--tts-key-file',
    env: 'BESTDAY_TTS_KEY_FILE',
    description: 'file with its key, mode 0600',
  },
};

export const SERVICE_SETTING_NAMES = Object.keys(SERVICE_SETTINGS) as readonly ServiceSettingName[];

/**
 * A flag rules over a variable, a variable over the file, the file over the default.
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
  const values = SERVICE_SETTING_NAMES.map((name): [string, string | undefined] => {
    const setting = SERVICE_SETTINGS[name];
    const given = [
      [flags[name], setting.flag],
      [env[setting.env], setting.env],
      [stored[name], `${file}: ${name}`],
    ].find(([value]) => value !== undefined);
    return [name, given === undefined ? setting.default : checked(setting, given[0], String(given[1]))];
  });
  return Object.fromEntries(values) as unknown as ServiceSettings;
}

function checked({ allowed, want }: Setting, value: unknown, from: string): string {
  if (typeof value === 'string' && allowed.test(value)) return value;
  throw new ServerError('bad-option', `${from} must be ${want}`);
}

function readFile(path: string): Readonly<Partial<Record<ServiceSettingName, unknown>>> {
  try {
    const file = readNamedFile(path, 'settings');
    if (file === undefined) throw new ServerError('bad-file', `--services: there is no file ${path}`);
    const value: unknown = JSON.parse(file.content);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(SERVICE_SETTINGS, name));
    if (unknown !== undefined)
      throw new ServerError('bad-file', `${path}: there is no setting '${unknown}'; bestday-server --help names them`);
    return value;
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw new ServerError(
      'bad-file',
      `${path} must be a JSON object of settings by name (${error instanceof SyntaxError ? 'it is no JSON' : errorCode(error)})`,
      { cause: error },
    );
  }
}
