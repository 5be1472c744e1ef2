import { writeSync } from 'node:fs';
import { styleText } from 'node:util';
import type { Logger } from 'winston';
import { systemClock } from '../time/clock.ts';
import type { Clock } from '../time/clock.ts';
import type { Log, LogFields } from './log.ts';
import { cleanFields, cleanText } from './redaction.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** winston gives the most severe level the lowest number. */
const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const COLOURS = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const;
/** sd-daemon(3): systemd reads a line's priority from this prefix and takes it off. */
const JOURNAL_PREFIX: Readonly<Record<LogLevel, string>> = { error: '<3>', warn: '<4>', info: '<6>', debug: '<7>' };
/** Lines held while winston is not loaded; more than this loads it. */
const MAX_HELD = 200;
/** The first frame has left by then; winston's 13 ms would have delayed it. */
const LOAD_AFTER_MS = 250;

export interface LogSettings {
  readonly level?: LogLevel;
  /** `auto`: text on a terminal, JSON elsewhere. */
  readonly format?: 'auto' | 'json' | 'text';
  /** Standard error when absent: standard output belongs to what a command answers. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly fd?: number };
  readonly clock?: Clock;
  readonly env?: NodeJS.ProcessEnv;
}

/** A log that writes. Lines are never lost: what winston has not taken is written when the process exits. */
export interface WritingLog extends Log {
  /** Loads winston and writes what was held. It happens by itself soon after the first line. */
  open(): Promise<void>;
  /** Writes everything; later lines go nowhere. For the end of the process. */
  close(): Promise<void>;
}

interface Line {
  readonly level: LogLevel;
  readonly message: string;
}

/** One line an event, redacted before anything else sees it. */
export function createLog(settings: LogSettings = {}): WritingLog {
  const { level = 'info', clock = systemClock, env = process.env, stream = process.stderr } = settings;
  const writer = new LineWriter(stream, level);
  const format = lineFormat(settings.format ?? 'auto', stream.isTTY === true, env);
  const write = (lineLevel: LogLevel, event: string, fields: LogFields): void => {
    if (LEVELS[lineLevel] > LEVELS[level]) return;
    const time = new Date(clock.wallTime()).toISOString();
    writer.write({
      level: lineLevel,
      message: format({ time, level: lineLevel, event: cleanText(event), fields: cleanFields(fields) }),
    });
  };
  return { ...portOf(write, {}), open: () => writer.open(), close: () => writer.close() };
}

function portOf(write: (level: LogLevel, event: string, fields: LogFields) => void, common: LogFields): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void =>
      write(level, event, { ...common, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => portOf(write, { ...common, ...fields }),
  };
}

interface Entry {
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: ReturnType<typeof cleanFields>;
}

function lineFormat(
  format: 'auto' | 'json' | 'text',
  terminal: boolean,
  env: NodeJS.ProcessEnv,
): (entry: Entry) => string {
  // https://no-color.org
  if (format === 'text' || (format === 'auto' && terminal))
    return (entry) => textLine(entry, terminal && !env['NO_COLOR']);
  const inJournal = env['JOURNAL_STREAM'] !== undefined && !terminal;
  return (entry) => `${inJournal ? JOURNAL_PREFIX[entry.level] : ''}${jsonLine(entry)}`;
}

/** Our own three names come first and win over fields of the same name. */
function jsonLine({ time, level, event, fields }: Entry): string {
  const own = { time, level, event };
  return JSON.stringify({ ...own, ...fields, ...own });
}

/** `08:27:01.250 info  call.ready codec=opus` */
function textLine({ time, level, event, fields }: Entry, coloured: boolean): string {
  const paint = (colour: Parameters<typeof styleText>[0], text: string): string =>
    coloured ? styleText(colour, text, { validateStream: false }) : text;
  const values = Object.entries(fields).map(([name, value]) => ` ${paint('gray', `${name}=`)}${textValue(value)}`);
  return `${paint('gray', time.slice(11, 23))} ${paint(COLOURS[level], level.padEnd(5))} ${oneLine(event)}${values.join('')}`;
}

function textValue(value: string | number | boolean | null): string {
  return typeof value === 'string' && !/^[\w.:/@+-]+$/.test(value) ? JSON.stringify(value) : String(value);
}

/** A newline in an event would forge lines; `cleanText` took what else might. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/** Keeps lines until winston is there, then hands them on in order. */
class LineWriter {
  readonly #stream: NonNullable<LogSettings['stream']>;
  readonly #level: LogLevel;
  readonly #atExit = (): void => this.#writeHeld();
  #held: Line[] = [];
  #logger: Logger | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(stream: NonNullable<LogSettings['stream']>, level: LogLevel) {
    this.#stream = stream;
    this.#level = level;
  }

  write(line: Line): void {
    if (this.#closed) return;
    if (this.#logger !== undefined) {
      this.#logger.log(line);
      return;
    }
    if (this.#held.length === 0) this.#firstHeld();
    this.#held.push(line);
    if (this.#held.length === MAX_HELD) void this.open();
  }

  open(): Promise<void> {
    this.#opening ??= this.#load();
    return this.#opening;
  }

  async close(): Promise<void> {
    await this.open();
    this.#closed = true;
    const logger = this.#logger;
    if (logger === undefined) return;
    await new Promise<void>((resolve) => {
      logger.once('finish', resolve);
      logger.end();
    });
  }

  #firstHeld(): void {
    if (this.#opening !== undefined) return;
    process.once('exit', this.#atExit);
    // The timer does not keep a short command alive.
    setTimeout(() => void this.open(), LOAD_AFTER_MS).unref();
  }

  async #load(): Promise<void> {
    const { createLogger, format, transports } = await import('winston');
    // When the reader's end closes, the phone must go on: it stops logging instead.
    this.#stream.on('error', () => {
      this.#closed = true;
    });
    this.#logger = createLogger({
      levels: { ...LEVELS },
      level: this.#level,
      format: format.printf(({ message }) => String(message)),
      transports: [new transports.Stream({ stream: this.#stream, eol: '\n' })],
    });
    process.off('exit', this.#atExit);
    for (const line of this.#held) this.#logger.log(line);
    this.#held = [];
  }

  /** Nothing asynchronous runs any more when a process exits. */
  #writeHeld(): void {
    const text = this.#held.map(({ message }) => `${message}\n`).join('');
    try {
      writeSync(this.#stream.fd ?? process.stderr.fd, text);
    } catch {
      // There is nowhere left to report it.
    }
  }
}
