import { StageError } from '../ports.ts';
import type { StageName } from '../ports.ts';

/** What a service that answers over HTTP can do wrong, said so that an operator knows what to do. Never quotes its answer. */
export function httpFault(
  stage: StageName,
  service: string,
  status: number,
  retryAfter: string | null | undefined,
  cause: unknown,
): StageError {
  const { message, retryable, scope } = explain(service, status);
  return new StageError(stage, message, retryable, { cause, scope, retryAfterMs: retryAfterMs(retryAfter) });
}

/** The connection was refused, broke, or brought something that is no answer. */
export function connectionFault(stage: StageName, service: string, cause: unknown): StageError {
  return new StageError(stage, `${service} broke off or could not be reached (${codeOf(cause)})`, true, { cause });
}

export function malformed(stage: StageName, service: string, what: string, cause?: unknown): StageError {
  return new StageError(stage, `${service} sent ${what}: look at its address and its version`, true, { cause });
}

interface Explanation {
  readonly message: string;
  readonly retryable: boolean;
  readonly scope?: StageError['scope'];
}

/** 401 to 404 are wrong for all requests alike. Any other 4xx is about what this one request holds. */
function explain(service: string, status: number): Explanation {
  if (status === 401 || status === 403)
    return { message: `${service} refused the key (${status}): give it a good one`, retryable: false };
  if (status === 402) return { message: `${service} wants to be paid (402)`, retryable: false };
  if (status === 404)
    return { message: `${service} has no such address, model or voice (404): look at its settings`, retryable: false };
  if (status === 429) return { message: `${service} is asked too often (429)`, retryable: true };
  if (status === 408 || status === 409 || status >= 500)
    return { message: `${service} failed (${status})`, retryable: true };
  return { message: `${service} did not take this request (${status})`, retryable: false, scope: 'request' };
}

/** RFC 9110 §10.2.3: seconds. The other form, a date, needs a clock that agrees with theirs; it counts as none. */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  if (header === null || header === undefined || !/^\d{1,6}(\.\d+)?$/.test(header.trim())) return undefined;
  return Number(header) * 1_000;
}

function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** A last resort: the time limits of the stages are shorter. */
export const REQUEST_LIMIT_MS = 30_000;
