import type { Log, LogFields } from '../../common/src/system/log.ts';

export interface LogLine {
  readonly event: string;
  readonly fields: LogFields;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

/** Keeps every line that either end logs, whatever its level: a secret at debug is a secret told. */
export class LogBook {
  readonly lines: LogLine[] = [];
  readonly #onLine: (line: LogLine) => void;

  constructor(onLine: (line: LogLine) => void) {
    this.#onLine = onLine;
  }

  log(own: LogFields = {}): Log {
    const write =
      (level: LogLine['level']) =>
      (event: string, fields?: LogFields): void => {
        const line = { level, event, fields: { ...own, ...fields } };
        this.lines.push(line);
        this.#onLine(line);
      };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => this.log({ ...own, ...fields }),
    };
  }
}
