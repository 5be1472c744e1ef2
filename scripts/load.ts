import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CodecName } from '../protocol/src/index.ts';
import { printReport, reportOf } from './load/load-report.ts';
import type { LoadReport } from './load/load-report.ts';
import { holdConversations } from './load/conversations.ts';
import { runRelay } from './load/relay-run.ts';
import { opusCost } from './load/opus-cost.ts';
import { checkPictureFile, writePicture } from './plot.ts';

/**
 * `npm run load -- --conversations N --minutes M [--codec opus|pcm] [--report R.json] [--picture F.png]`: N phones in
 * conversation with one real server, and then a bare relay moving the same frames for as many clients. `--conversations`
 * takes several numbers (1,100,250): a run each, and the picture shows them side by side.
 */
interface Options {
  readonly conversations: readonly number[];
  readonly minutes: number;
  readonly codec: CodecName;
  readonly report: string | undefined;
  readonly picture: string | undefined;
  readonly processes: number;
  readonly server: readonly string[];
}

function usage(problem: string): never {
  process.stderr.write(`load: ${problem}\nusage: npm run load -- --conversations N[,N…] --minutes M [--codec opus|pcm] [--report R.json] [--picture F.png] [--processes P] [--server-option ARG …]\n`);
  process.exit(2);
}

function parse(): Options {
  const { values } = readArguments();
  const conversations = (values.conversations ?? '').split(',').map(Number);
  if (!conversations.every((count) => Number.isInteger(count) && count > 0 && count <= 5_000)) usage('--conversations takes whole numbers from 1 to 5000');
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) usage('--minutes takes a number over 0');
  if (values.codec !== 'opus' && values.codec !== 'pcm') usage('--codec is opus or pcm');
  const processes = Number(values.processes ?? availableParallelism());
  if (!Number.isInteger(processes) || processes < 1) usage('--processes takes a whole number over 0');
  if (values.picture !== undefined) checkPictureFile(values.picture);
  return { conversations, minutes, codec: values.codec, report: values.report, picture: values.picture, processes, server: values['server-option'] ?? [] };
}

function readArguments(): { values: { conversations?: string; minutes?: string; codec: string; report?: string; picture?: string; processes?: string; 'server-option'?: string[] } } {
  try {
    return parseArgs({
      options: {
        conversations: { type: 'string' }, minutes: { type: 'string' }, codec: { type: 'string', default: 'opus' },
        report: { type: 'string' }, picture: { type: 'string' }, processes: { type: 'string' },
        'server-option': { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

async function measure(count: number, { minutes, codec, processes, server }: Options): Promise<LoadReport> {
  const folder = mkdtempSync(join(tmpdir(), 'bestday-load-'));
  try {
    const held = await holdConversations({ folder, count, minutes, codec, processes, serverArguments: server, progress });
    const relay = await runRelay({
      folder, count, processes, codec,
      minutes: Math.min(minutes, RELAY_MINUTES),
      share: held.framesDown / Math.max(1, held.framesUp),
      progress,
    });
    return reportOf({ count, minutes, codec, held, relay, opus: codec === 'opus' ? await opusCost() : undefined });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The relay has nothing that could drift. */
const RELAY_MINUTES = 2;

function progress(what: string, done: number): void {
  if (!process.stderr.isTTY) return;
  const width = 30;
  const full = Math.round(done * width);
  process.stderr.write(`\r\x1b[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.round(done * 100)} %  ${what}${done >= 1 ? '\n' : ''}`);
}

async function draw(file: string, reports: readonly LoadReport[]): Promise<void> {
  const over = (pick: (report: LoadReport) => number): [number, number][] => reports.map((report) => [report.conversations, pick(report)]);
  await writePicture(file, {
    title: 'Load: conversations on one server',
    subtitle: `${reports[0]!.codec}, ${reports[0]!.minutes} min each, phones in other processes of the same machine`,
    panels: [
      { kind: 'time', title: "The server's own part of an answer", unit: 'ms', xUnit: 'conversations', series: [
        { name: 'p50', points: over(({ overheadMs }) => overheadMs.p50) }, { name: 'p95', points: over(({ overheadMs }) => overheadMs.p95) }, { name: 'p99', points: over(({ overheadMs }) => overheadMs.p99) },
      ] },
      { kind: 'time', title: 'CPU', unit: 's / min', xUnit: 'conversations', series: [
        { name: 'server', points: over(({ serverCpuSecondsPerMinute }) => serverCpuSecondsPerMinute) }, { name: 'bare relay', points: over(({ relay }) => relay.cpuSecondsPerMinute) },
      ] },
      { kind: 'time', title: 'Memory', unit: 'MB', xUnit: 'conversations', series: [{ name: 'server', points: over(({ serverMemoryMb }) => serverMemoryMb) }, { name: 'bare relay', points: over(({ relay }) => relay.memoryMb) }] },
      { kind: 'time', title: 'Frames lost or late', xUnit: 'conversations', series: [{ name: 'shed', points: over(({ framesShed }) => framesShed) }, { name: 'underruns', points: over(({ underruns }) => underruns) }] },
    ],
  });
}

const options = parse();
const reports: LoadReport[] = [];
for (const count of options.conversations) {
  const report = await measure(count, options);
  printReport(report);
  reports.push(report);
}
if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(reports.length === 1 ? reports[0] : reports, undefined, 2)}\n`);
if (options.picture !== undefined) await draw(options.picture, reports);
process.exitCode = reports.some(({ failed }) => failed > 0) ? 1 : 0;
