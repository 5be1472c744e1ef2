/** What a setting may hold. One kind gives the JSON schema, the check and the words of the error. */
export interface Kind<T> {
  /** JSON schema of the stored value. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Ends the sentence 'it must be …'. */
  readonly allowed: string;
  /** From a flag, a variable or `config set`; what it returns still has to hold. */
  fromText(text: string): unknown;
  holds(value: unknown): value is T;
}

export function text(pattern: RegExp, allowed: string): Kind<string> {
  return {
    schema: { type: 'string', pattern: pattern.source },
    allowed,
    fromText: (value) => value,
    holds: (value): value is string => typeof value === 'string' && pattern.test(value),
  };
}

export function choice<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    schema: { type: 'string', enum: values },
    allowed: `one of ${values.join(', ')}`,
    fromText: (value) => value,
    holds: (value): value is T => values.some((each) => each === value),
  };
}

export function integer(minimum: number, maximum: number, unit: string): Kind<number> {
  return {
    schema: { type: 'integer', minimum, maximum },
    allowed: `a whole number from ${minimum} to ${maximum} (${unit})`,
    fromText: (value) => (/^\d{1,15}$/.test(value) ? Number(value) : value),
    holds: (value): value is number => Number.isInteger(value) && minimum <= Number(value) && Number(value) <= maximum,
  };
}

/** Seconds and their fractions, more than none. */
export function seconds(maximum: number): Kind<number> {
  return {
    schema: { type: 'number', exclusiveMinimum: 0, maximum },
    allowed: `a number of seconds over 0, ${maximum} at most`,
    fromText: (value) => (/^\d{1,15}(\.\d{1,9})?$/.test(value) ? Number(value) : value),
    holds: (value): value is number => typeof value === 'number' && value > 0 && value <= maximum,
  };
}

/** RFC 3986 without `?`, `#` and what a shell or a file of variables reads as more than a letter. The parser of URLs drops line breaks by itself. */
const URL_CHARACTERS = /^wss?:\/\/[A-Za-z0-9._:[\]~%@-]+(\/[A-Za-z0-9._~:@%!+,;=/-]*)?$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Where the server is: encrypted, unless the bytes stay on this machine. No secret ever stands in a URL. */
export function serverUrl(): Kind<string> {
  return {
    schema: { type: 'string', maxLength: 2_000, pattern: URL_CHARACTERS.source },
    allowed:
      'wss://HOST[:PORT][/PATH] (ws:// for localhost, 127.x.x.x and [::1] only), in plain ASCII, without user, password, quotes, ? or #',
    fromText: (value) => value,
    holds: (value): value is string => typeof value === 'string' && value.length <= 2_000 && isServerUrl(value),
  };
}

function isServerUrl(value: string): boolean {
  if (!URL_CHARACTERS.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== '' || password !== '') return false;
  return (protocol === 'wss:' && hostname !== '') || (protocol === 'ws:' && LOOPBACK.test(hostname));
}
