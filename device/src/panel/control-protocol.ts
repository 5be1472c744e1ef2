import * as z from 'zod/mini';
import { MAX_VOLUME } from '../playout/volume.ts';

const MAX_FINDINGS = 32;
/** Longest detail of a finding. Characters */
export const MAX_DETAIL = 300;

const CheckedFinding = z.object({
  name: z.string().check(z.minLength(1), z.maxLength(40)),
  state: z.enum(['ok', 'warn', 'fail', 'skipped']),
  detail: z.string().check(z.maxLength(MAX_DETAIL)),
  measured: z.optional(z.record(z.string().check(z.regex(/^[a-z][a-z_]{0,39}$/)), z.number())),
});
export type CheckedFinding = z.infer<typeof CheckedFinding>;

/**
 * The control socket: one JSON object a line, each answered by one line in the same order.
 *
 *     {"command":"status"}                      {"ok":true,"status":{…}}
 *     {"command":"lift"}  {"command":"hangup"}  {"ok":true}
 *     {"command":"volume"}                      {"ok":true,"volume":6}
 *     {"command":"volume","level":3}            0 … 9, or "up", or "down"
 *     {"command":"checked","findings":[…]}      what a self-test or the doctor found; shown until the next
 *     anything else                             {"ok":false,"error":"…"}
 */
export const ControlRequest = z.discriminatedUnion('command', [
  z.object({ command: z.literal('status') }),
  z.object({ command: z.literal('lift') }),
  z.object({ command: z.literal('hangup') }),
  z.object({
    command: z.literal('volume'),
    level: z.optional(z.union([z.int().check(z.minimum(0), z.maximum(MAX_VOLUME)), z.enum(['up', 'down'])])),
  }),
  z.object({ command: z.literal('checked'), findings: z.array(CheckedFinding).check(z.maxLength(MAX_FINDINGS)) }),
]);
export type ControlRequest = z.infer<typeof ControlRequest>;

export type ControlAnswer =
  | { readonly ok: true; readonly volume?: number; readonly status?: PhoneStatus }
  | { readonly ok: false; readonly error: string };

/** What a technician asks a running phone. Numbers and names, never words or keys. */
export interface PhoneStatus {
  readonly version: string;
  readonly board: string | null;
  readonly controls: string;
  readonly phase: string;
  readonly led: string;
  readonly lifted: boolean;
  readonly sound: string | null;
  readonly volume: number;
  /** Empty: all is well. */
  readonly needsHelp: readonly string[];
  readonly upSeconds: number;
  readonly calls: number;
  readonly lastCall: { readonly endReason: string; readonly durationMs: number } | null;
}

/** A longer line is no command. Bytes */
export const MAX_LINE_BYTES = 16 * 1024;

/** @returns the request, or why it is none */
export function parseRequest(line: string): ControlRequest | { readonly command?: undefined; readonly error: string } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { error: 'not JSON: one object a line, such as {"command":"status"}' };
  }
  const parsed = ControlRequest.safeParse(json);
  return parsed.success
    ? parsed.data
    : { error: 'commands are status, lift, hangup, volume (level 0 to 9, "up" or "down") and checked' };
}
