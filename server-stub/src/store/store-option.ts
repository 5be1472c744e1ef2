import { join } from 'node:path';
import { redact } from '../../../common/src/system/redaction.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { errorCode, ServerError } from '../system/errors.ts';
import type { StoreChoice } from './conversation-store.ts';
import { STORES, storeOf } from './stores.ts';

/** systemd's `LoadCredential=server.store-password:…`. */
const CREDENTIAL = 'server.store-password';

/**
 * @param url of a form that a row of `STORES` takes
 * @param passwordFile of mode 0600; default: the systemd credential `server.store-password`, if there is one
 * @throws {ServerError} bad-option, bad-file
 */
export function storeChoice(url: string, passwordFile: string | undefined, env: NodeJS.ProcessEnv): StoreChoice {
  const store = storeOf(url);
  if (store === undefined)
    throw new ServerError('bad-option', `--store: want ${STORES.map(({ form }) => form).join(', or ')}`);
  store.check(url);
  return { url, password: readPassword(passwordFile, env) };
}

function readPassword(path: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  const password = path === undefined ? fromCredential(env) : fromFile(path);
  if (password !== undefined) redact(password);
  return password;
}

function fromFile(path: string): string {
  const file = read(path);
  if (file === undefined) throw new ServerError('bad-file', `--store-password-file: there is no ${path}`);
  if ((file.status.mode & 0o077) !== 0)
    throw new ServerError('bad-file', `--store-password-file: others can read or change ${path}: chmod 600 ${path}`);
  return checked(file.content, path);
}

/** systemd keeps its credentials where only the service can reach them, so their mode says nothing. */
function fromCredential(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY'];
  const file = folder === undefined ? undefined : read(join(folder, CREDENTIAL));
  return file && checked(file.content, `the credential ${CREDENTIAL}`);
}

function read(path: string): ReturnType<typeof readNamedFile> {
  try {
    return readNamedFile(path, '--store-password-file');
  } catch (error) {
    throw new ServerError('bad-file', error instanceof Error ? error.message : errorCode(error), { cause: error });
  }
}

function checked(content: string, from: string): string {
  const password = content.trim();
  if (password === '' || /[\s\x00-\x1f]/.test(password))
    throw new ServerError(
      'bad-file',
      `the password in ${from} must be one word on one line; what is there is not shown`,
    );
  return password;
}
