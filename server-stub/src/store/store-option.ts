import { join } from 'node:path';
import { redact } from '../../../common/src/system/redaction.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { errorCode, ServerError } from '../system/errors.ts';
import type { RedisAddress } from './redis-link.ts';

/** `--store` and what goes with it, checked. */
export interface StoreChoice {
  readonly redis: RedisAddress;
  readonly password: string | undefined;
}

/** systemd's `LoadCredential=server.store-password:…`. */
const CREDENTIAL = 'server.store-password';

/**
 * @param url `redis://[USER@]HOST[:PORT][/DB]`, or `rediss://` for TLS; a password in it is refused, because other
 *   processes can read a program's arguments
 * @param passwordFile of mode 0600; default: the systemd credential `server.store-password`, if there is one
 * @throws {ServerError} bad-option, bad-file
 */
export function storeChoice(url: string, passwordFile: string | undefined, env: NodeJS.ProcessEnv): StoreChoice {
  return { redis: parseRedisUrl(url), password: readPassword(passwordFile, env) };
}

export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?(\d{1,4})?$/.exec(url?.pathname ?? '-');
  if (
    url === undefined ||
    !/^rediss?:$/.test(url.protocol) ||
    url.hostname === '' ||
    database === null ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new ServerError('bad-option', '--store: want redis://HOST[:PORT][/DB], or rediss:// for TLS');
  }
  if (url.password !== '') {
    throw new ServerError(
      'bad-option',
      '--store: a password does not belong in an argument, where others can read it: put it into a file of mode 0600 and name that with --store-password-file',
    );
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    database: Number(database[1] ?? 0),
    tls: url.protocol === 'rediss:',
    username: url.username === '' ? undefined : decodeURIComponent(url.username),
  };
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

const DEFAULT_PORT = 6379;
