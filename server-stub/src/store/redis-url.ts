import { ServerError } from '../system/errors.ts';

/** Where Redis is, without the secret part. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly tls: boolean;
  readonly username: string | undefined;
}

/**
 * @param text `redis://[USER@]HOST[:PORT][/DB]`, or `rediss://` for TLS; a password in it is refused, because other
 *   processes can read a program's arguments
 * @throws {ServerError} bad-option
 */
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

const DEFAULT_PORT = 6379;
