import { boardNames } from './board-profile.ts';
import { text } from './kinds.ts';
import type { Kind } from './kinds.ts';

/**
 * What makes a phone this one, and what is handed on to other programs: checked alike by the daemon, `config set` and
 * whoever writes cards. Nothing here spans lines or holds a quote: each may stand in /etc/default/bestday-phone.
 */

export const deviceIdKind = text(
  /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
  'a UUID, as `bestday-server device add` prints it',
);

/** A key stands in an HTTP header: visible ASCII, long enough to be one, and bounded. */
export const apiKeyKind = text(/^[\x21-\x7e]{8,512}$/, '8 to 512 visible ASCII characters without spaces');

/** Letters of any script, for makers write theirs; none of the signs that ALSA reads as a definition. */
export const deviceNameKind = text(
  /^[\p{L}\p{M}\p{N}\p{So} _.,:;=()[\]#+&@*!%/-]{1,200}$/u,
  "part of a device's name, as `bestday-phone devices` lists it, without quotes, pipes or braces",
);

const boardPath = text(/^[^\0-\x1f\x7f-\x9f'"`$\\]{1,4096}$/, 'a path');

/** A name under `hardware/profiles/`, or, with a slash in it, the path of a profile. */
export const boardKind: Kind<string> = {
  schema: boardPath.schema,
  get allowed() {
    return `one of ${boardNames().join(', ')}, or the path of a profile`;
  },
  fromText: (value) => value,
  holds: (value): value is string => boardPath.holds(value) && (value.includes('/') || boardNames().includes(value)),
};

/** IEEE 802.11 §9.4.2.2: up to 32 bytes; here also text without control characters. */
export const wifiNameKind: Kind<string> = {
  schema: { type: 'string', minLength: 1, maxLength: 32 },
  allowed: 'a name of 1 to 32 bytes, without control characters',
  fromText: (value) => value,
  holds: (value): value is string =>
    typeof value === 'string' && !UNPRINTABLE.test(value) && within(Buffer.byteLength(value), 1, 32),
};

/** IEEE 802.11 annex J: a passphrase of 8 to 63 printable ASCII characters, blanks at its ends too, or the key itself. */
export const wifiPasswordKind = text(
  /^([\x20-\x7e]{8,63}|[0-9A-Fa-f]{64})$/,
  '8 to 63 ASCII characters, or 64 hexadecimal digits',
);

/** ISO 3166: whose radio channels are allowed. */
export const countryKind = text(/^[A-Z]{2}$/, 'two capital letters such as US or DE');

const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u;

function within(value: number, least: number, most: number): boolean {
  return least <= value && value <= most;
}
