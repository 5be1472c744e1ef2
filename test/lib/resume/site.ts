import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { readWav } from '../../../common/src/audio/wav.ts';
import type { DaemonEvent } from '../../../device/src/daemon.ts';
import type { CallReport } from '../../../device/src/conversation/report.ts';
import { addDevice, exitOf, ROOT, startPhone, startServer } from '../../../scripts/programs.ts';
import type { RunningServer } from '../../../scripts/programs.ts';
import { Wire } from './wire.ts';

/** A folder, and every wire and process of a suite; all of it gone at its end. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'bestday-resume-'));
  readonly #processes: ChildProcess[] = [];
  readonly #wires: Wire[] = [];

  async reciter(options: ReciterOptions = {}): Promise<Reciter> {
    const { before = [], ...flags } = options;
    const words = Object.entries(flags).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : value === undefined ? [] : [`--${name}`, String(value)],
    );
    const [command, ...args] = [
      ...before,
      process.execPath,
      '--import=tsx',
      join(ROOT, 'test/lib/resume/reciter.ts'),
      '--data',
      this.folder,
      ...words,
    ];
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT });
    this.#processes.push(child);
    return Reciter.listening(child);
  }

  /** Each on a wire of its own to `server`, with an identity of its own. */
  async wiredPhone(
    server: Pick<Reciter, 'url' | 'port'>,
    args: readonly string[] = [],
  ): Promise<{ phone: HeldPhone; wire: Wire }> {
    const wire = await Wire.lay(server.port);
    this.#wires.push(wire);
    return { wire, phone: this.phone({ url: server.url.replace(`:${server.port}`, `:${wire.port}`) }, args) };
  }

  phone(
    server: { readonly url: string; readonly ca?: string | undefined },
    args: readonly string[] = [],
    before: readonly string[] = [],
  ): HeldPhone {
    const heard = join(this.folder, `heard-${this.#processes.length}.wav`);
    const report = join(this.folder, `report-${this.#processes.length}.json`);
    const all = [
      '--settings-file',
      join(this.folder, 'none.json'),
      '--log-format',
      'json',
      '--audio',
      'file',
      '--codec',
      'pcm',
      '--output',
      heard,
      '--report',
      report,
      '--events-fd',
      '3',
      ...args,
    ];
    const child = startPhone(
      { url: server.url, ca: server.ca },
      addDevice(this.folder),
      all,
      ['ignore', 'ignore', 'pipe', 'pipe'],
      process.env,
      before,
    );
    this.#processes.push(child);
    return new HeldPhone(child, heard, report);
  }

  /** The program itself, as it is installed; the offline companion answers. */
  async server(args: readonly string[]): Promise<RunningServer> {
    const server = await startServer(this.folder, 'ignore', ['--no-tls', ...args]);
    this.#processes.push(server.process);
    return server;
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.remove();
    for (const child of this.#processes) child.kill('SIGKILL');
    await Promise.all(this.#processes.map(exitOf));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface ReciterOptions {
  readonly port?: number;
  readonly host?: string;
  readonly tls?: true;
  readonly store?: string;
  readonly seconds?: number;
  readonly pace?: number;
  /** Words before the command. */
  readonly before?: readonly string[];
}

/** The server process with the reciting companion. */
export class Reciter {
  readonly process: ChildProcess;
  readonly url: string;
  readonly ca: string | undefined;
  /** Frames it has made and handed on. */
  made = 0;
  #log = '';

  private constructor(child: ChildProcess, url: string, ca: string | undefined) {
    this.process = child;
    this.url = url;
    this.ca = ca;
  }

  static listening(child: ChildProcess): Promise<Reciter> {
    return new Promise((resolve, reject) => {
      let reciter: Reciter | undefined;
      let log = '';
      child.once('exit', (code) => reject(new Error(`the reciter ended with ${code}: ${log}`)));
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        if (reciter) reciter.#log += text;
        else log += text;
      });
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const listening = /^listening on ([^,\s]+)(?:, CA (\S+))?/.exec(line);
        if (listening) resolve((reciter = new Reciter(child, listening[1]!, listening[2])));
        const made = /^made (\d+)/.exec(line);
        if (made && reciter) reciter.made = Number(made[1]);
      });
    });
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Names of what happened, and their fields. */
  get log(): { readonly event: string; readonly [field: string]: unknown }[] {
    return this.#log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { event: string });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
    this.process.kill(signal);
    return exitOf(this.process);
  }
}

type Event = DaemonEvent & { readonly at: number };

/** The real phone, and all it tells. */
export class HeldPhone {
  readonly process: ChildProcess;
  readonly exit: Promise<number>;
  readonly events: Event[] = [];
  stderr = '';
  readonly #heard: string;
  readonly #report: string;
  #waiting: { holds: (event: Event) => boolean; resolve: () => void }[] = [];

  constructor(child: ChildProcess, heard: string, report: string) {
    this.process = child;
    this.#heard = heard;
    this.#report = report;
    this.exit = exitOf(child);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => this.#event(JSON.parse(line) as Event));
  }

  /** Resolves at the next event that fits, from now on. */
  next(holds: (event: Event) => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  phase(phase: string): Promise<void> {
    return this.next((event) => event.type === 'phase' && event.phase === phase);
  }

  /** The companion has been heard to its end. */
  heardOut(): Promise<void> {
    return this.next((event) => event.type === 'playback' && event.state === 'finished');
  }

  async hangUp(): Promise<void> {
    this.process.kill('SIGTERM');
    await this.exit;
  }

  /** Valid after the end. */
  heard(): Int16Array {
    return readWav(this.#heard);
  }

  /** Valid after the end. */
  report(): CallReport {
    return JSON.parse(readFileSync(this.#report, 'utf8')) as CallReport;
  }

  #event(event: Event): void {
    this.events.push(event);
    const fitting = this.#waiting.filter(({ holds }) => holds(event));
    this.#waiting = this.#waiting.filter((waiter) => !fitting.includes(waiter));
    for (const { resolve } of fitting) resolve();
  }
}
