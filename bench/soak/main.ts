import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { checkPictureFile, writePicture } from '../../test/lib/plot.ts';
import { addDevice, exitOf, ROOT, startPhone, startServer } from '../../scripts/programs.ts';
import { soakPicture, soakReport } from './report.ts';
import type { SoakReport } from './report.ts';
import { Watch } from './watch.ts';

/**
 * A conversation in real time between the two real programs, over `wss` on loopback, that must not break: a recorded
 * caller speaks over and over, the offline companion answers. Ends with 1 at any break.
 */

interface Options {
  readonly minutes: number;
  readonly codec: string;
  readonly report?: string;
  readonly picture?: string;
  readonly out: string;
}

async function main(options: Options): Promise<number> {
  if (options.picture !== undefined) checkPictureFile(options.picture);
  const out = resolve(options.out);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'server'), { recursive: true, mode: 0o700 });
  const device = addDevice(join(out, 'server'));
  const server = await startServer(join(out, 'server'), openSync(join(out, 'server.log'), 'w'));
  try {
    const phone = startPhone(server, device, phoneArguments(options, out), [
      'ignore',
      'ignore',
      openSync(join(out, 'phone.log'), 'w'),
      'pipe',
    ]);
    const watch = new Watch(server, phone);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => phone.kill(signal));
    await talk(watch, options.minutes, exitOf(phone));
    watch.expectEnd();
    phone.kill('SIGTERM');
    await exitOf(phone);
    return await conclude(options, watch, out);
  } finally {
    await server.stop();
  }
}

function phoneArguments({ codec }: Options, out: string): string[] {
  return [
    '--audio',
    'file',
    '--input',
    join(ROOT, 'device/demo/caller.wav'),
    '--input-repeat',
    'forever',
    '--codec',
    codec,
    '--report',
    join(out, 'report.json'),
    '--settings-file',
    join(out, 'settings.json'),
    '--events-fd',
    '3',
  ];
}

/** Until the time is over, or the phone is; a line a minute for whoever watches. */
async function talk(watch: Watch, minutes: number, ended: Promise<number>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && watch.atSeconds < minutes * 60) {
    await Promise.race([ended, sleep(Math.min(60_000, Math.max(0, minutes * 60 - watch.atSeconds) * 1_000))]);
    const last = watch.samples.at(-1);
    if (last === undefined) continue;
    const { frames, phoneMb, serverMb, atSeconds } = last;
    process.stdout.write(
      `${(atSeconds / 60).toFixed(1).padStart(6)} min  phone ${phoneMb.toFixed(1)} MB, server ${serverMb.toFixed(1)} MB; frames sent ${frames.sent}, played ${frames.played}, ` +
        `concealed ${frames.concealed}, underruns ${frames.underrun}; ${watch.latenciesMs.length} answers; ${watch.breaks.length} breaks\n`,
    );
  }
}

async function conclude(options: Options, watch: Watch, out: string): Promise<number> {
  if (watch.samples.length === 0)
    throw new Error(`no conversation came about: see ${here(out, 'phone.log')} and server.log`);
  const call = readReport(join(out, 'report.json'));
  const report = soakReport(watch, {
    minutes: options.minutes,
    codec: options.codec,
    breaks: [...watch.breaks, ...breaksIn(call)],
    call,
  });
  print(report);
  if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(report, undefined, 2)}\n`);
  if (options.picture !== undefined) await writePicture(options.picture, soakPicture(report, watch));
  for (const line of report.breaks) process.stdout.write(`broke at ${line}\n`);
  process.stdout.write(
    report.breaks.length === 0
      ? 'no break\n'
      : `${report.breaks.length} breaks: see ${here(out, 'phone.log')} and server.log\n`,
  );
  return report.breaks.length === 0 ? 0 : 1;
}

function readReport(file: string): CallReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CallReport;
  } catch {
    return undefined;
  }
}

function breaksIn(call: CallReport | undefined): string[] {
  if (call === undefined) return ['the end: the phone left no report'];
  const { reconnects, faults, frames } = call;
  return [
    ...reconnects.map(
      ({ atMs, durationMs }) => `${Math.round(atMs / 1_000)} s: the link was lost for ${Math.round(durationMs)} ms`,
    ),
    ...Object.entries(faults).map(([fault, times]) => `the end: ${times} messages broke a rule (${fault})`),
    ...(['late', 'duplicate', 'shed'] as const)
      .filter((what) => frames[what] > 0)
      .map((what) => `the end: ${frames[what]} frames were ${what}`),
  ];
}

function print({ turns, latencyMs, memoryMb, eventLoopMs, frames, wrapCrossed }: SoakReport): void {
  process.stdout.write(
    `${turns} answers, ms after the last word: median ${Math.round(latencyMs.median)}, p95 ${Math.round(latencyMs.p95)}, max ${Math.round(latencyMs.max)}\n`,
  );
  for (const who of ['phone', 'server'] as const) {
    const { afterOneMinute, atEnd, highest, mbPerHour } = memoryMb[who];
    const { medianOfP99, highest: latest } = eventLoopMs[who];
    process.stdout.write(
      `${who.padEnd(6)}  memory ${afterOneMinute} MB after a minute, ${atEnd} MB at the end (highest ${highest}, ${mbPerHour} MB/h); ` +
        `event loop p99 ${medianOfP99} ms (median of seconds), latest ${latest} ms\n`,
    );
  }
  process.stdout.write(
    `frames: ${Object.entries(frames)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}\n`,
  );
  process.stdout.write(
    `the 16-bit sequence number wrapped: uplink ${wrapCrossed.uplink}, downlink ${wrapCrossed.downlink}\n`,
  );
}

function here(...path: string[]): string {
  return relative(process.cwd(), join(...path));
}

function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 24 * 60)) throw new InvalidArgumentError('want minutes, up to a day.');
  return value;
}

const command = new Command('npm run soak --')
  .description('a conversation in real time between the two real programs, without a break')
  .option('--minutes <M>', 'how long; 22 and more cross the wrap of the sequence number for certain', minutes, 30)
  .addOption(new Option('--codec <CODEC>').choices(['opus', 'pcm']).default('opus'))
  .option('--report <R.json>', 'write the figures there')
  .option('--picture <F.png>', 'draw them there (.png or .svg)')
  .option('--out <DIR>', 'logs and the call report', join(ROOT, 'out/soak'))
  .parse();

main(command.opts<Options>()).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
