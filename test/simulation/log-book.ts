import type { Log, LogFields } from '../../device/src/system/log.ts';

export interface LogLine {
  readonly event: string;
  readonly fields: LogFields;
}

/** Keeps every line that either end logs, whatever its level: a secret at debug is a secret told. */
export class LogBook {
  readonly lines: LogLine[] = [];
  readonly #onLine: (line: LogLine) => void;

  constructor(onLine: (line: LogLine) => void) {
    this.#onLine = onLine;
  }

  log(own: LogFields = {}): Log {
    const write = (event: string, fields?: LogFields): void => {
      const line = { event, fields: { ...own, ...fields } };
      this.lines.push(line);
      this.#onLine(line);
    };
    return { debug: write, info: write, warn: write, error: write, child: (fields) => this.log({ ...own, ...fields }) };
  }
}
