import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnOptions, StdioOptions } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The two real programs, as scripts and whole-system tests start them: built, each in a process of its own. */

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const PHONE = join(ROOT, 'dist/bestday-phone.cjs');
export const SERVER = join(ROOT, 'dist/bestday-server.cjs');

export interface Credentials {
  readonly deviceId: string;
  /** Holds the API key, mode 0600: a key stands in no argument and no log. */
  readonly keyFile: string;
}

/** Registers a device with the server whose folder is `data`. */
export function addDevice(data: string): Credentials {
  const { stdout, stderr, status } = spawnSync(process.execPath, [SERVER, 'device', 'add', '--data', data], {
    encoding: 'utf8',
  });
  const deviceId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(stdout)?.[0];
  const key = /key:?\s+(\S{16,})/i.exec(stdout)?.[1];
  if (status !== 0 || deviceId === undefined || key === undefined)
    throw new Error(`the server added no device: ${stderr.trim()}`);
  const keyFile = join(data, `${deviceId}.key`);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { deviceId, keyFile };
}

export function removeDevice(data: string, { deviceId }: Credentials): void {
  const { stderr, status } = spawnSync(process.execPath, [SERVER, 'device', 'remove', deviceId, '--data', data], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the server removed no device: ${stderr.trim()}`);
}

export interface RunningServer {
  readonly process: ChildProcess;
  readonly url: string;
  /** PEM of its certificate authority; undefined without TLS. */
  readonly ca: string | undefined;
  readonly port: number;
  /** Of its metrics page, in plain HTTP on loopback. */
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/**
 * @param log file descriptor for its log
 * @param before words before the command, such as `ip netns exec NAME`; the program must end up with the same process id
 */
export async function startServer(
  data: string,
  log: number | 'ignore' | 'inherit',
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<RunningServer> {
  const own = ['--port', '0', '--admin-port', '0', '--data', data];
  const child = spawned([...before, process.execPath, SERVER, ...own, ...args], { stdio: ['ignore', 'pipe', log] });
  const { url, ca, metricsUrl } = await listening(child);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exitOf(child);
  };
  return { process: child, url, ca, port: Number(new URL(url).port), metricsUrl, stop };
}

/** Waits for the server's two lines: `listening on wss://…, CA …/ca.pem` and `metrics on http://…/metrics`. */
function listening(server: ChildProcess): Promise<{ url: string; ca: string | undefined; metricsUrl: string }> {
  return new Promise((resolve_, reject) => {
    let phones: { url: string; ca: string | undefined } | undefined;
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    createInterface({ input: server.stdout! }).on('line', (line) => {
      const match = /(wss?:\/\/[^\s,]+)(?:.*?CA\s+(\S+))?/.exec(line);
      if (match) phones = { url: match[1]!, ca: match[2] };
      const metricsUrl = /^metrics on (\S+)$/.exec(line)?.[1];
      if (metricsUrl !== undefined && phones) resolve_({ ...phones, metricsUrl });
    });
  });
}

function spawned([command, ...args]: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(command!, args, options);
}

/** Starts the phone; `stdio[3]`, when it is a pipe, carries its events. `before`: as for the server. */
export function startPhone(
  server: Pick<RunningServer, 'url' | 'ca'>,
  device: Credentials,
  args: readonly string[],
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv = process.env,
  before: readonly string[] = [],
): ChildProcess {
  const ca = server.ca === undefined ? [] : ['--ca-file', server.ca];
  const identity = ['--device-id', device.deviceId, '--api-key-file', device.keyFile];
  return spawned([...before, process.execPath, PHONE, 'run', '--server', server.url, ...ca, ...identity, ...args], {
    stdio,
    env,
  });
}

/** Exit code of a process, ended or not yet; 128 + n for a signal would only hide which: it is −1. */
export function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? -1);
  return new Promise((resolve_) => child.once('exit', (code) => resolve_(code ?? -1)));
}
