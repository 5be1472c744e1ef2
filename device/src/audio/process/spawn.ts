import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child, ChildEvents, ChildJob } from './job.ts';

/** More than a second of speaker frames: a child this far behind does not read at all. Bytes */
const MAX_BACKLOG_BYTES = 64 * 1024;
/** What a dying child printed last, for the error's text. Characters */
const STDERR_TAIL = 2000;
/** The pipe may still hold the child's last words when its exit is reported. ms */
const LAST_WORDS_MS = 100;

/** How to start a child; other programs in the place of the usual one are for tests. */
export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The sound process stands beside the bundled daemon as `audio-child.cjs`; from source it is TypeScript and
 * needs tsx. `__dirname` exists in the one case, `import.meta.url` in the other.
 */
export function childCommand(): ChildCommand {
  return { file: process.execPath, args: childArguments(), env: { ...process.env, UV_THREADPOOL_SIZE: '8' } };
}

function childArguments(): string[] {
  if (typeof __dirname === 'string') {
    const bundled = join(__dirname, 'audio-child.cjs');
    if (existsSync(bundled)) return [bundled];
  }
  const source = join(dirname(fileURLToPath(import.meta.url)), '../child/main.ts');
  return [`--import=${createRequire(import.meta.url).resolve('tsx')}`, source];
}

/**
 * Starts the real thing. It leads a process group of its own, so that one SIGKILL also ends the arecord and
 * aplay it started; descriptor 3 is the pipe, because native code prints to 1 and 2 as it likes.
 */
export function spawnChild(job: ChildJob, events: ChildEvents, command: ChildCommand = childCommand()): Child {
  const child = spawn(command.file, [...command.args, JSON.stringify(job)], {
    detached: true,
    env: command.env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  return new RealChild(child, events);
}

class RealChild implements Child {
  readonly #process: ChildProcess;
  readonly #pipe: Socket;
  readonly #events: ChildEvents;
  readonly #killAtExit = (): void => this.#killGroup();
  #stderr = '';
  #killed = false;
  #gone = false;
  #exited: string | undefined;

  constructor(child: ChildProcess, events: ChildEvents) {
    this.#process = child;
    this.#events = events;
    this.#pipe = child.stdio[3] as Socket;
    process.once('exit', this.#killAtExit);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    this.#pipe.on('data', (chunk: Buffer) => {
      if (!this.#killed) events.data(chunk);
    });
    // EPIPE and ECONNRESET: the child is going; its exit says the rest.
    this.#pipe.on('error', () => {});
    this.#pipe.on('close', () => this.#reportWhenOver());
    child.on('error', (error) => this.#onExit(`the sound process did not start: ${error.message}`));
    child.on('exit', (code, signal) => this.#onExit(`the sound process ended (${signal ?? `exit code ${code}`})`));
  }

  send(bytes: Uint8Array): boolean {
    if (this.#killed || !this.#pipe.writable) return true;
    this.#pipe.write(bytes);
    return this.#pipe.writableLength < MAX_BACKLOG_BYTES;
  }

  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#killGroup();
    this.#letGo();
  }

  /** Nothing of a killed child may hold up the daemon's own exit, not even one the kernel cannot end. */
  #letGo(): void {
    this.#pipe.destroy();
    this.#process.stderr?.destroy();
    this.#process.unref();
  }

  #onExit(why: string): void {
    if (this.#exited !== undefined) return;
    this.#exited = why;
    this.#killGroup();
    process.removeListener('exit', this.#killAtExit);
    setTimeout(() => this.#pipe.destroy(), LAST_WORDS_MS).unref();
    this.#reportWhenOver();
  }

  #reportWhenOver(): void {
    if (this.#exited === undefined || !this.#pipe.destroyed || this.#gone) return;
    this.#gone = true;
    const lines = this.#stderr.trim().split('\n');
    const said = lines.findLast((line) => /error|fail|assert/i.test(line)) ?? lines.at(-1);
    this.#events.gone(said === undefined || said === '' ? this.#exited : `${this.#exited}: ${said.trim()}`);
  }

  #killGroup(): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // ESRCH: the whole group is gone already.
    }
  }
}
