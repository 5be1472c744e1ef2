import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Command, Option } from 'commander';
import { Timeline } from './demo-timeline.ts';
import type { ScriptLine, WatchedEvent } from './demo-timeline.ts';
import { addDevice, exitOf, ROOT, startPhone, startServer } from './programs.ts';

/**
 * One whole conversation between the two real programs, over `wss` on loopback, shown as it happens. By default a
 * recorded caller speaks and nothing is needed; with `--audio auto` a person does.
 */

interface Options {
  readonly audio: string;
  readonly codec: string;
  readonly input: string;
  readonly out: string;
  readonly port: string;
}

const MIN_TURNS = 3;
/** As a shell counts a program that SIGINT ended. */
const STOPPED = 130;

async function main(options: Options): Promise<number> {
  const out = resolve(options.out);
  const data = join(out, 'server');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const device = addDevice(data);
  const server = await startServer(data, openSync(join(out, 'server.log'), 'w'), ['--port', options.port]);
  try {
    const person = options.audio !== 'file';
    const timeline = new Timeline(process.stdout, person ? [] : callerScript(options.input));
    timeline.note(`the server listens on ${server.url}  (log: ${here(out, 'server.log')})`);
    timeline.note(
      person
        ? 'the receiver is lifted: speak; Ctrl-C hangs up'
        : `a recorded caller lifts the receiver  (${here(options.input)})`,
    );
    const phone = startPhone(server, device, phoneArguments(options, out), [
      'ignore',
      'inherit',
      openSync(join(out, 'phone.log'), 'w'),
      'pipe',
    ]);
    let stopped = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        stopped = true;
        hangUp(phone, signal);
      });
    createInterface({ input: phone.stdio[3] as Readable }).on('line', (line) =>
      timeline.show(JSON.parse(line) as WatchedEvent),
    );
    const code = await exitOf(phone);
    if (!stopped || person) return finish(timeline, out, person, code);
    timeline.note('stopped');
    return STOPPED;
  } finally {
    await server.stop();
  }
}

/** A terminal's Ctrl-C goes to every program in front, so the phone has it already; a second one would end it in mid-goodbye. */
function hangUp(phone: ChildProcess, signal: 'SIGINT' | 'SIGTERM'): void {
  if (signal === 'SIGTERM' || !process.stdin.isTTY) phone.kill(signal);
}

function phoneArguments(options: Options, out: string): string[] {
  const files = options.audio === 'file' ? ['--input', options.input, '--output', join(out, 'heard.wav')] : [];
  return [
    '--audio',
    options.audio,
    '--codec',
    options.codec,
    ...files,
    '--report',
    join(out, 'report.json'),
    '--settings-file',
    join(out, 'settings.json'),
    '--events-fd',
    '3',
  ];
}

function finish(timeline: Timeline, out: string, person: boolean, code: number): number {
  timeline.summary();
  if (!person) timeline.note(`what the caller heard:  ${here(out, 'heard.wav')}`);
  timeline.note(`the call report:        ${here(out, 'report.json')}`);
  if (code !== 0) timeline.note(`the phone ended with ${code}; its log: ${here(out, 'phone.log')}`);
  if (person || timeline.turns >= MIN_TURNS) return code;
  timeline.note(
    `only ${timeline.turns} turns were completed, so something is wrong: see ${here(out, 'phone.log')} and server.log`,
  );
  return 1;
}

/** What the recorded caller says, and when: beside the recording, when it has a script. */
function callerScript(wav: string): ScriptLine[] {
  try {
    return JSON.parse(readFileSync(wav.replace(/\.wav$/i, '.json'), 'utf8')) as ScriptLine[];
  } catch {
    return [];
  }
}

function here(...path: string[]): string {
  return relative(process.cwd(), join(...path));
}

const command = new Command('npm start --')
  .description('a whole conversation between the reference server and a phone, on this machine')
  .addOption(
    new Option('--audio <BACKEND>', "file: a recorded caller; anything else: this machine's sound card and you")
      .choices(['file', 'auto', 'portaudio', 'alsa'])
      .default('file'),
  )
  .addOption(new Option('--codec <CODEC>').choices(['opus', 'pcm']).default('opus'))
  .option('--input <IN.wav>', 'another caller, 16 kHz mono 16-bit', join(ROOT, 'device/demo/caller.wav'))
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
