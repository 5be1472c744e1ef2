import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  apiKeyKind,
  boardKind,
  deviceIdKind,
  wifiNameKind,
  wifiPasswordKind,
} from '../../device/src/settings/checks.ts';
import { serverUrl } from '../../device/src/settings/kinds.ts';
import type { Kind } from '../../device/src/settings/kinds.ts';
import type { Identity } from './identity.ts';
import { FlashError } from './write-image.ts';

/** The settings' own checks, before a card is touched: a wrong identity costs a walk to the phone. */

/** What a technician gave. */
export interface Given {
  readonly deviceId: string;
  readonly apiKeyFile: string;
  readonly board: string;
  readonly server?: string | undefined;
  readonly wifi?: { readonly ssid: string; readonly passwordFile: string } | undefined;
}

/** @throws {FlashError} bad-identity; a secret is never in its text */
export function checkedIdentity({ deviceId, apiKeyFile, board, server, wifi }: Given): Identity {
  check('the device id', deviceIdKind, deviceId);
  check('the board', boardKind, board);
  if (board.includes('/')) throw bad(`the board must be ${boardKind.allowed}: a card knows no other paths`);
  if (server !== undefined) check('the server', serverUrl(), server);
  if (server !== undefined && !server.startsWith('wss://'))
    throw bad('the server must be wss://…: what is on the phone itself is no server of a card');
  const apiKey = readLine(apiKeyFile).trim();
  if (!apiKeyKind.holds(apiKey)) throw bad(`${apiKeyFile} must hold a key of ${apiKeyKind.allowed}`);
  return {
    // The server tells no cases apart: one phone has one id.
    deviceId: deviceId.toLowerCase(),
    apiKey,
    board,
    server,
    wifi: wifi && checkedWifi(wifi),
  };
}

function checkedWifi({ ssid, passwordFile }: NonNullable<Given['wifi']>): NonNullable<Identity['wifi']> {
  check('the Wi-Fi name', wifiNameKind, ssid);
  const password = readLine(passwordFile);
  if (!wifiPasswordKind.holds(password))
    throw bad(`${passwordFile} must hold a password of ${wifiPasswordKind.allowed}`);
  return { ssid, password };
}

function check(what: string, kind: Kind<string>, value: string): void {
  const shown = JSON.stringify(value.slice(0, 80));
  if (!kind.holds(value)) throw bad(`${what} ${shown} is none: it must be ${kind.allowed}`);
}

/** Of a secret: no file of one line is longer. */
const MAX_BYTES = 2_048;

/**
 * The one line of a file that an editor may have ended, and begun with a byte order mark. Blanks belong to it.
 * @throws {FlashError} bad-identity
 */
function readLine(file: string): string {
  const bytes = readBytes(file);
  if (bytes.includes(0) || (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw bad(`${file} is not plain text (UTF-16?): save it as UTF-8`);
  const line = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replace(/\r?\n$/, '');
  if (line === '' || /[\r\n]/.test(line)) throw bad(`${file} must hold one line: the secret`);
  return line;
}

function readBytes(file: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const { size } = fstatSync(descriptor);
    if (!fstatSync(descriptor).isFile() || size > MAX_BYTES) throw new Error('it is no short plain file');
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(descriptor, bytes));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw bad(`${file} cannot be read: ${code === 'ENOENT' ? 'there is none' : (code ?? message)}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function bad(message: string): FlashError {
  return new FlashError('bad-identity', message);
}
