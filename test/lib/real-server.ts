import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { addDevice, exitOf, startPhone, startServer } from '../../scripts/programs.ts';
import type { Credentials, RunningServer } from '../../scripts/programs.ts';

/** A server and a registered device in a folder of their own, both gone after the suite. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'bestday-test-'));
  server!: RunningServer;
  device!: Credentials;
  readonly #phones = new Set<ChildProcess>();

  async start(serverArguments: readonly string[] = []): Promise<void> {
    this.device = addDevice(this.folder);
    this.server = await startServer(this.folder, 'ignore', serverArguments);
  }

  async stop(): Promise<void> {
    for (const phone of this.#phones) phone.kill('SIGKILL');
    await this.server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Starts a phone that writes a report and takes no settings but these. */
  phone(args: readonly string[], options: PhoneOptions = {}): RunningPhone {
    const reportFile = this.path(`report-${++serial}.json`);
    const all = ['--settings-file', this.path('none.json'), '--log-format', 'json', '--report', reportFile, ...args];
    const child = startPhone(
      options.server ?? this.server,
      options.device ?? this.device,
      all,
      ['ignore', 'pipe', 'pipe'],
      options.env,
    );
    this.#phones.add(child);
    return new RunningPhone(child, reportFile);
  }
}

let serial = 0;

export interface PhoneOptions {
  readonly server?: Pick<RunningServer, 'url' | 'ca'>;
  readonly device?: Credentials;
  readonly env?: NodeJS.ProcessEnv;
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export class RunningPhone {
  readonly process: ChildProcess;
  readonly exit: Promise<number>;
  readonly #reportFile: string;
  #stderr = '';
  readonly #waiting: { test: (line: LogLine) => boolean; resolve: (line: LogLine) => void }[] = [];

  constructor(child: ChildProcess, reportFile: string) {
    this.process = child;
    this.#reportFile = reportFile;
    this.exit = exitOf(child);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      for (const waiter of this.#waiting.splice(0)) this.#settle(waiter);
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Complete JSON lines of the log so far. */
  get log(): LogLine[] {
    return this.#stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The first line, written or to come, that passes `test`. */
  line(test: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve) => this.#settle({ test, resolve }));
  }

  /** Valid after `exit`. */
  report(): CallReport {
    return JSON.parse(readFileSync(this.#reportFile, 'utf8')) as CallReport;
  }

  #settle(waiter: { test: (line: LogLine) => boolean; resolve: (line: LogLine) => void }): void {
    const found = this.log.find(waiter.test);
    if (found) waiter.resolve(found);
    else this.#waiting.push(waiter);
  }
}
