import type { LogLine } from './log-book.ts';
import { API_KEY } from './network.ts';
import { WORDS_MARK } from './pipeline.ts';
import type { Verdict } from './violation.ts';

/** Stands in every resume token of a run. */
export const TOKEN_MARK = 'T0KEN';

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ['the API key', new RegExp(API_KEY)],
  ['a resume token', new RegExp(TOKEN_MARK)],
  ['words', new RegExp(WORDS_MARK)],
  // Bytes as base64, hex, JSON or a typed array's own text.
  ['what looks like audio', /[A-Za-z0-9+/_-]{120,}|[0-9a-f]{64,}|(?:-?\d+, ?){12,}|Uint8Array|Int16Array|<Buffer/],
];

/** Promise 5: no log line holds a key, a token, audio or words. */
export function judgeLog(lines: readonly LogLine[], verdict: Verdict): void {
  for (const line of lines) {
    const text = `${line.event} ${Object.entries(line.fields)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(' ')}`;
    for (const [what, pattern] of FORBIDDEN) {
      if (pattern.test(text)) verdict.fail(5, 'secret-logged', `a line of '${line.event}' holds ${what}`);
    }
  }
}
