import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../../common/src/time/clock.ts';

/**
 * What a vendor can do wrong. `cut`: the connection is gone in the middle of a word. `refused`: 400, what this one
 * request holds is not taken (context too long, content filter, a language).
 */
export const FAULTS = [
  'slow',
  'stalled',
  'unauthorised',
  'refused',
  'too-many',
  'too-many-for-long',
  'server-error',
  'cut',
  'malformed',
] as const;
export type Fault = (typeof FAULTS)[number] | 'none';

/** ms. Asked anew for every request. */
export interface Delays {
  /** From the whole request to the first result. */
  readonly firstMs: () => number;
  /** Between two results. */
  readonly nextMs: () => number;
}

export interface FakeVendorOptions {
  readonly clock: Clock;
  readonly key: string;
  readonly delays?: Delays;
  /** What speech sounds like, s16 little-endian; default: every sample the same, so that a test can tell who speaks. */
  readonly sound?: (ms: number, rate: number) => Buffer;
}

/** Faults in the order of the requests; after them everything works. */
export class FaultPlan {
  #faults: Fault[] = [];
  #forEver: Fault = 'none';
  requests = 0;

  /** The next requests go wrong like this. */
  next(...faults: Fault[]): void {
    this.#faults = faults;
  }

  always(fault: Fault): void {
    this.#forEver = fault;
  }

  take(): Fault {
    this.requests++;
    return this.#faults.shift() ?? this.#forEver;
  }
}

export const SLOW_MS = 3_000;

/** The answers that are no more than a status: as the vendors document them. @returns false when it must be served */
export function refuse(response: ServerResponse, fault: Fault, body: (status: number) => object): boolean {
  const status = { unauthorised: 401, refused: 400, 'too-many': 429, 'too-many-for-long': 429, 'server-error': 503 }[
    fault as string
  ];
  if (status === undefined) return false;
  const retryAfter =
    fault === 'too-many' ? { 'Retry-After': '1' } : fault === 'too-many-for-long' ? { 'Retry-After': '60' } : {};
  response.writeHead(status, { 'Content-Type': 'application/json', ...retryAfter });
  response.end(JSON.stringify(body(status)));
  return true;
}

export function after(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

export const NO_DELAYS: Delays = { firstMs: () => 0, nextMs: () => 0 };
