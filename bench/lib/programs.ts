import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions } from 'esbuild';
import { build as buildDist } from '../../scripts/build.mjs';
import { exitOf, PHONE, ROOT } from '../../scripts/programs.ts';
import { wavOf } from '../../common/src/audio/wav.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { speechFrames } from '../../test/lib/speech.ts';
import type { ServerNews } from '../programs/server.ts';
import { nativeOpusFile } from './native-opus.ts';

/** Everything a benchmark of whole processes starts: one server, the daemon and the floor, on the same speech. */
export class Programs {
  readonly folder: string;
  readonly #server: ChildProcess;
  readonly #port: number;
  readonly #running = new Set<ChildProcess>();

  private constructor(folder: string, server: ChildProcess, port: number) {
    this.folder = folder;
    this.#server = server;
    this.#port = port;
  }

  /** @param speechSeconds how long the callers speak before they fall silent */
  static async start(speechSeconds: number): Promise<Programs> {
    await buildDist();
    const folder = mkdtempSync(join(tmpdir(), 'bestday-bench-'));
    await build({
      entryPoints: [join(ROOT, 'bench/programs/floor.ts')],
      outfile: join(folder, 'floor.cjs'),
      ...LIKE_THE_DAEMON,
    });
    writeFileSync(join(folder, 'speech.wav'), wavOf(speechOf(speechSeconds)));
    const server = fork(join(ROOT, 'bench/programs/server.ts'), {
      execArgv: ['--import=tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const { port, ca } = await news(server, 'listening');
    provide(folder, ca);
    return new Programs(folder, server, port);
  }

  /** @param path of the bench server */
  url(path: string): string {
    return `wss://localhost:${this.#port}${path}`;
  }

  /** @param path of the bench server; `args` over the usual ones: speech from a file, no log but errors */
  daemon(
    path: string,
    args: readonly string[] = ['--audio', 'file', '--input', join(this.folder, 'speech.wav')],
    env = process.env,
  ): ChildProcess {
    return this.#spawn([...daemonCommand(this.url(path), this.folder), ...args], env);
  }

  floor(path: string): ChildProcess {
    return this.#spawn([
      join(this.folder, 'floor.cjs'),
      this.url(path),
      join(this.folder, 'ca.pem'),
      nativeOpusFile(),
      join(this.folder, 'speech.wav'),
    ]);
  }

  /** When the next client's first frame comes. @returns CLOCK_MONOTONIC, ns */
  async firstFrame(): Promise<bigint> {
    return BigInt((await news(this.#server, 'first-frame')).atNs);
  }

  async end(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    await exitOf(child);
  }

  stop(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    this.#server.disconnect();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[], env = process.env): ChildProcess {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'], env });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }
}

/** Writes what `daemonCommand` names. */
export function provide(folder: string, ca: string): void {
  writeFileSync(join(folder, 'ca.pem'), ca);
  writeFileSync(join(folder, 'key'), 'benchmark-key-of-no-value', { mode: 0o600 });
}

/** Node's arguments for one call of the built daemon. */
export function daemonCommand(url: string, folder: string): string[] {
  return [
    PHONE,
    'run',
    '--server',
    url,
    '--ca-file',
    join(folder, 'ca.pem'),
    '--device-id',
    randomUUID(),
    '--api-key-file',
    join(folder, 'key'),
    '--settings-file',
    join(folder, 'none.json'),
  ];
}

/** The caller's clips over and over, at least so long. */
function speechOf(seconds: number): Int16Array[] {
  const once = speechFrames('caller');
  const length = Math.ceil((seconds * SAMPLE_RATE) / FRAME_SAMPLES);
  return Array.from({ length }, (_, index) => once[index % once.length]!);
}

/** As scripts/build.mjs bundles the daemon. */
const LIKE_THE_DAEMON: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['bufferutil', 'utf-8-validate'],
  define: { 'import.meta.url': 'undefined' },
  logLevel: 'error',
};

function news<T extends ServerNews['type']>(server: ChildProcess, type: T): Promise<Extract<ServerNews, { type: T }>> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null): void => reject(new Error(`the bench server ended with ${code}`));
    const listener = (message: ServerNews): void => {
      if (message.type !== type) return;
      server.off('message', listener);
      server.off('exit', gone);
      resolve(message as Extract<ServerNews, { type: T }>);
    };
    server.on('message', listener);
    server.once('exit', gone);
  });
}
