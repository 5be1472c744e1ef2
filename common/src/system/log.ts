/**
 * Logging as a port. An event has a stable name, `area.what` (the areas of the phone: device/test/log-events.test.ts),
 * and fields; what was said, audio, keys and tokens are never fields. Lifecycle at info, single frames at debug, nothing
 * over once a second at info.
 */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose every line carries `fields`. */
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** For tests, and for parts that are handed none. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };

/** An error as fields: what happened, its reason where it has one, and where. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error === 'string' ? error : `a thrown ${typeof error}` };
  const { message, name, stack, cause } = error;
  return {
    error: message,
    errorName: name,
    fault: 'fault' in error ? String(error.fault) : undefined,
    cause: cause instanceof Error ? cause.message : undefined,
    stack: stack
      ?.split('\n')
      .slice(1)
      .map((line) => line.trim())
      .join(' | '),
  };
}
