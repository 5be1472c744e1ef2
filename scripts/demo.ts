import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import type { DaemonEvent } from '../device/src/daemon.ts';
import type { FrameCounters } from '../device/src/playout/counters.ts';
import { Timeline } from './demo-timeline.ts';

/**
 * One whole conversation between the two real programs, over `wss` on loopback, shown as it happens. By default a
 * recorded caller speaks and nothing is needed; with `--audio auto` a person does.
 */

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const PHONE = join(ROOT, 'dist/bestday-phone.cjs');
const SERVER = join(ROOT, 'dist/bestday-server.cjs');
const CALLER = join(ROOT, 'device/demo/caller.wav');

interface Options {
  readonly audio: string;
  readonly codec: string;
  readonly input: string;
  readonly out: string;
  readonly port: string;
}

type WatchedEvent = (DaemonEvent | { readonly type: 'frames'; readonly frames?: FrameCounters }) & { readonly at: number };

async function main(options: Options): Promise<number> {
  const out = resolve(options.out);
  const data = join(out, 'server');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const { deviceId, keyFile } = addDevice(data);
  const server = spawnServer(data, out, options.port);
  try {
    const { url, ca } = await listening(server);
    const person = options.audio !== 'file';
    const timeline = new Timeline(process.stdout, person ? [] : callerScript(options.input));
    timeline.note(`server  ${url}  (log: ${relative(ROOT, join(out, 'server.log'))})`);
    timeline.note(person ? 'the receiver is lifted: speak; Ctrl-C hangs up' : `a recorded caller lifts the receiver (${relative(ROOT, options.input)})`);
    const phone = spawnPhone(options, { out, url, ca, deviceId, keyFile });
    createInterface({ input: phone.stdio[3] as Readable }).on('line', (line) => timeline.show(JSON.parse(line) as WatchedEvent));
    const code = await exitOf(phone);
    return finish(timeline, out, person, code);
  } finally {
    server.kill('SIGTERM');
    await exitOf(server);
  }
}

/** A device of the demonstration's own; its key goes from the server's output to a file, and nowhere else. */
function addDevice(data: string): { deviceId: string; keyFile: string } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [SERVER, 'device', 'add', '--data', data], { encoding: 'utf8' });
  const deviceId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(stdout)?.[0];
  const key = /key:?\s+(\S{16,})/i.exec(stdout)?.[1];
  if (status !== 0 || deviceId === undefined || key === undefined) throw new Error(`the server added no device: ${stderr.trim()}`);
  const keyFile = join(data, 'demo-device.key');
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { deviceId, keyFile };
}

function spawnServer(data: string, out: string, port: string): ChildProcess {
  const log = openSync(join(out, 'server.log'), 'w');
  return spawn(process.execPath, [SERVER, '--port', port, '--data', data], { stdio: ['ignore', 'pipe', log] });
}

/** The server's one line: `listening on wss://…, CA …/ca.pem`. */
function listening(server: ChildProcess): Promise<{ url: string; ca: string }> {
  return new Promise((resolve_, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened; see its log`)));
    createInterface({ input: server.stdout! }).on('line', (line) => {
      const match = /(wss:\/\/[^\s,]+).*?CA\s+(\S+)/.exec(line);
      if (match) resolve_({ url: match[1]!, ca: match[2]! });
    });
  });
}

interface Place {
  readonly out: string;
  readonly url: string;
  readonly ca: string;
  readonly deviceId: string;
  readonly keyFile: string;
}

function spawnPhone(options: Options, { out, url, ca, deviceId, keyFile }: Place): ChildProcess {
  const files = options.audio === 'file' ? ['--input', options.input, '--output', join(out, 'heard.wav')] : [];
  const log = openSync(join(out, 'phone.log'), 'w');
  const args = ['run', '--server', url, '--ca-file', ca, '--device-id', deviceId, '--api-key-file', keyFile, '--audio', options.audio,
    '--codec', options.codec, '--report', join(out, 'report.json'), '--settings-file', join(out, 'settings.json'), '--events-fd', '3', ...files];
  const phone = spawn(process.execPath, [PHONE, ...args], { stdio: ['ignore', 'inherit', log, 'pipe'] });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => phone.kill(signal));
  return phone;
}

function finish(timeline: Timeline, out: string, person: boolean, code: number): number {
  const turns = timeline.turns;
  timeline.summary();
  if (!person) timeline.note(`what the caller heard   ${relative(process.cwd(), join(out, 'heard.wav'))}`);
  timeline.note(`call report             ${relative(process.cwd(), join(out, 'report.json'))}`);
  if (code !== 0) timeline.note(`the phone ended with ${code}; its log: ${relative(process.cwd(), join(out, 'phone.log'))}`);
  if (!person && turns < 3) {
    timeline.note(`only ${turns} turns were completed: something is wrong (phone.log, server.log)`);
    return 1;
  }
  return code;
}

/** What the recorded caller says, and when: beside the recording, when it has a script. */
function callerScript(wav: string): { atMs: number; untilMs: number; text: string }[] {
  try {
    return JSON.parse(readFileSync(wav.replace(/\.wav$/i, '.json'), 'utf8')) as { atMs: number; untilMs: number; text: string }[];
  } catch {
    return [];
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? 1);
  return new Promise((resolve_) => child.once('exit', (code) => resolve_(code ?? 1)));
}

const command = new Command('npm start --').description('a whole conversation between the reference server and a phone, on this machine')
  .addOption(new Option('--audio <BACKEND>', 'file: a recorded caller; anything else: this machine\'s sound card and you')
    .choices(['file', 'auto', 'portaudio', 'alsa']).default('file'))
  .addOption(new Option('--codec <CODEC>').choices(['opus', 'pcm']).default('opus'))
  .option('--input <IN.wav>', 'another caller, 16 kHz mono 16-bit', CALLER)
  .option('--out <DIR>', 'where the recording, the report and the logs go', join(ROOT, 'out/demo'))
  .option('--port <N>', 'port of the server; 0 takes a free one', '0')
  .parse();

main(command.opts<Options>()).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
