import type { LogFields } from './log.ts';
import { plainText } from './plain-text.ts';

const REDACTED = '[redacted]';
const DROPPED = '[dropped]';
/** A stack or a server's message fits; a dump does not. */
const MAX_TEXT = 4_000;

/** The last word of a field's name that says that it holds a key … */
const SECRET_NAMES = new Set([
  'key',
  'keys',
  'token',
  'tokens',
  'secret',
  'secrets',
  'password',
  'authorization',
  'cookie',
  'credential',
  'credentials',
]);
/** … or what was said, or sound. Under these names a number is a count or a length, and may stand. */
const CONTENT_NAMES = new Set([
  'text',
  'transcript',
  'transcripts',
  'words',
  'utterance',
  'audio',
  'pcm',
  'samples',
  'payload',
  'body',
  'data',
]);

/** Longest first, so that no secret is left in pieces by another that it contains. */
let secrets: readonly string[] = [];

/**
 * From now on no line holds this value, wherever it turns up: in a message, a field, a name or a stack. For keys,
 * which live as long as the process; shorter-lived secrets are kept out by the names of their fields.
 */
export function redact(secret: string): void {
  if (secret === '') return;
  // It may turn up as a URL or as quoted JSON writes it.
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  secrets = [...new Set([...secrets, ...forms])].sort((a, b) => b.length - a.length);
}

/** A text without any secret or control character, and no longer than a line should be. */
export function cleanText(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, REDACTED);
  clean = plainText(clean);
  return clean.length <= MAX_TEXT ? clean : `${clean.slice(0, MAX_TEXT)}… (${clean.length} characters)`;
}

/** Fields made safe for a line: undefined ones are left out, forbidden ones are replaced by a note. */
export function cleanFields(fields: LogFields): Record<string, string | number | boolean | null> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    present.map(([name, value]) => [cleanText(name), isUnspeakable(name, value) ? DROPPED : cleanValue(value)]),
  );
}

function isUnspeakable(name: string, value: unknown): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const last = words.filter((word) => word !== '').at(-1) ?? '';
  return SECRET_NAMES.has(last) || (CONTENT_NAMES.has(last) && typeof value !== 'number' && typeof value !== 'boolean');
}

/** The types allow no objects; where one gets in anyway, its type is printed, never its content. */
function cleanValue(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return cleanText(String(value)) === String(value) ? value : REDACTED;
  if (typeof value === 'string') return cleanText(value);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return `[${typeof value}]`;
}
