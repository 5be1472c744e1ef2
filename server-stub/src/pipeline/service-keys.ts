import { join } from 'node:path';
import { redact } from '../../../common/src/system/redaction.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { ServerError } from '../system/errors.ts';
import type { ServiceSettings } from './service-settings.ts';

const OTHERS = 0o077;
const LENGTH = /^[\x21-\x7e]{4,512}$/;

/**
 * The key of the services called `name`: from the file that its setting names, else from systemd's credential `server.NAME-key`. Never from an
 * argument or a variable, which other processes can read. From here on no log line can hold it.
 * @returns undefined when there is none (local servers need none)
 * @throws {ServerError} bad-file
 */
export function readServiceKey(name: string, settings: ServiceSettings, env: NodeJS.ProcessEnv): string | undefined {
  const key = fromFile(settings[`${name}KeyFile`], name) ?? fromCredential(name, env);
  if (key !== undefined) redact(key);
  return key;
}

function fromFile(path: string | undefined, name: string): string | undefined {
  if (path === undefined) return undefined;
  const file = read(path, name);
  if (file === undefined)
    throw new ServerError(
      'bad-file',
      `--${name}-key-file: there is no such file; put the key into a file of mode 0600 and name that`,
    );
  if ((file.status.mode & OTHERS) !== 0)
    throw new ServerError('bad-file', `${path} holds a key and others can read it: chmod 600 ${path}`);
  return checked(file.content.trim(), path);
}

function fromCredential(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || folder === '') return undefined;
  const path = join(folder, `server.${name}-key`);
  const file = read(path, name);
  return file && checked(file.content.trim(), path);
}

function read(path: string, name: string): ReturnType<typeof readNamedFile> {
  try {
    return readNamedFile(path, `${name}KeyFile`);
  } catch (error) {
    throw new ServerError('bad-file', error instanceof Error ? error.message : `${path} cannot be read`, {
      cause: error,
    });
  }
}

function checked(key: string, from: string): string {
  if (LENGTH.test(key)) return key;
  throw new ServerError(
    'bad-file',
    `the key in ${from} must be 4 to 512 visible ASCII characters; what is there is not shown`,
  );
}
