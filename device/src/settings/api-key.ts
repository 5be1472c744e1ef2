import { join } from 'node:path';
import { redact } from '../../../common/src/system/redaction.ts';
import type { LoadedSettings } from './loaded-settings.ts';
import { API_KEY, apiKeyKind } from './table.ts';
import { SettingsError } from '../../../common/src/system/settings-error.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import type { SmallFile } from '../../../common/src/system/private-file.ts';

const CREDENTIAL = 'phone.api-key';
const OTHERS = 0o007;
const GROUP = 0o070;
const ROOT_UID = 0;

/**
 * The API key: from `apiKeyFile`, else from systemd's credential, else from the settings file. Never from an
 * argument or a variable, which other processes can read. It is made known to the log's redactor first.
 * @throws {SettingsError} missing, unreadable, bad-value, exposed-key
 */
export function readApiKey(loaded: LoadedSettings, env: NodeJS.ProcessEnv): string {
  const key = fromKeyFile(loaded.settings.apiKeyFile) ?? fromCredential(env) ?? fromSettingsFile(loaded);
  if (key === undefined) throw noKey(loaded);
  redact(key);
  return key;
}

function fromKeyFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const file = readNamedFile(path, 'apiKeyFile');
  // A name without folder or ending may be the key itself, given in the wrong place.
  const name = /[/.]/.test(path) ? path : 'such file (its name is not shown, for it may be the key itself)';
  if (file === undefined)
    throw new SettingsError(
      'unreadable',
      'apiKeyFile',
      `apiKeyFile: there is no ${name}; put the key into a file of mode 0600 and name that`,
    );
  refuseExposed(file, path);
  return checked(file.content.trim(), path);
}

/** systemd keeps its credentials where only the service can reach them, so their mode says nothing. */
function fromCredential(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (!folder) return undefined;
  const file = readNamedFile(join(folder, CREDENTIAL), CREDENTIAL);
  return file === undefined ? undefined : checked(file.content.trim(), `the credential ${CREDENTIAL}`);
}

function fromSettingsFile({ storedApiKey, settingsFile }: LoadedSettings): string | undefined {
  if (storedApiKey === undefined) return undefined;
  const file = readNamedFile(settingsFile, API_KEY);
  if (file !== undefined) refuseExposed(file, settingsFile);
  return storedApiKey;
}

/** A key of root's may be lent to the service's group; nobody else's may be read by anybody else. */
function refuseExposed({ status }: SmallFile, path: string): void {
  const exposed = status.uid === ROOT_UID ? OTHERS : OTHERS | GROUP;
  if ((status.mode & exposed) === 0) return;
  const mode = (status.mode & 0o777).toString(8).padStart(4, '0');
  throw new SettingsError(
    'exposed-key',
    API_KEY,
    `${path} holds the API key and others can read or change it (mode ${mode}): chmod 600 ${path}`,
  );
}

function checked(key: string, from: string): string {
  if (apiKeyKind.holds(key)) return key;
  throw new SettingsError(
    'bad-value',
    API_KEY,
    `the API key in ${from} must be ${apiKeyKind.allowed}; what is there is not shown`,
  );
}

function noKey({ problems, settingsFile }: LoadedSettings): SettingsError {
  const reason = problems.find(
    ({ setting, fault }) => setting === API_KEY || fault === 'bad-file' || fault === 'unreadable',
  );
  const message = `no API key: give --api-key-file FILE, or run \`bestday-phone config set apiKey --stdin < FILE\` (kept in ${settingsFile})`;
  return new SettingsError('missing', API_KEY, reason === undefined ? message : `${message}. ${reason.message}`, {
    cause: reason,
  });
}
