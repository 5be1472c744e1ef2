import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CodecName } from '../../protocol/src/index.ts';
import { brokenBy, printReport, reportOf, tableOf } from './report.ts';
import type { LoadReport } from './report.ts';
import { drawLoad } from './picture.ts';
import { burstHolds, measureBurst, printBurst } from './burst.ts';
import { holdConversations, rampMsOf } from './conversations.ts';
import { runRelay } from './relay-run.ts';
import { checkPictureFile } from '../../test/lib/plot.ts';

/**
 * `npm run load -- --conversations N --minutes M`: N phones in conversation with one real server, and then the same
 * frames, up and down, through a bare relay. `--conversations` takes several numbers (1,100,250): a run each, and the
 * picture shows them side by side. `--find-limit` stops at the first that does not hold.
 *
 * `npm run load -- --burst N --stall-store-ms MS`: N phones whose process is killed come back at once.
 */
interface Options {
  readonly conversations: readonly number[];
  readonly minutes: number;
  readonly codec: CodecName;
  readonly report: string | undefined;
  readonly picture: string | undefined;
  readonly phoneProcesses: number;
  readonly serverProcesses: number;
  readonly serverArguments: readonly string[];
  readonly findLimit: boolean;
}

const USAGE = `usage: npm run load -- --conversations N[,N…] --minutes M [--codec opus|pcm] [--report R.json] [--picture F.png]
  --find-limit            stop at the first number that does not hold
  --processes P           of the server; over 1 they share a redis-server of this machine (default 1)
  --phone-processes P     that the phones are spread over (default: one a core)
  --server-option=ARG     for the server, as often as wanted
   or: npm run load -- --burst N [--stall-store-ms MS] [--report R.json]
  --burst N               phones that come back within 100 ms, after the process that holds them all was killed
  --stall-store-ms MS     how long Redis answers nothing from then on (default 0)
`;

function usage(problem: string): never {
  process.stderr.write(`load: ${problem}\n${USAGE}`);
  process.exit(2);
}

interface Burst {
  readonly count: number;
  readonly stallStoreMs: number;
  readonly report: string | undefined;
}

function parse(): Options | Burst {
  const { values } = readArguments();
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (values.burst !== undefined) return parseBurst(values.burst, values['stall-store-ms'] ?? '0', values.report);
  const conversations = (values.conversations ?? '').split(',').map(Number);
  if (!conversations.every((count) => Number.isInteger(count) && count > 0 && count <= 5_000))
    usage('--conversations takes whole numbers from 1 to 5000');
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) usage('--minutes takes a number over 0');
  if (values.codec !== 'opus' && values.codec !== 'pcm') usage('--codec is opus or pcm');
  if (values.picture !== undefined) checkPictureFile(values.picture);
  return {
    conversations,
    minutes,
    codec: values.codec,
    report: values.report,
    picture: values.picture,
    phoneProcesses: processCount('--phone-processes', values['phone-processes'] ?? String(availableParallelism())),
    serverProcesses: processCount('--processes', values.processes ?? '1'),
    serverArguments: values['server-option'] ?? [],
    findLimit: values['find-limit'] ?? false,
  };
}

function parseBurst(phones: string, stall: string, report: string | undefined): Burst {
  const [count, stallStoreMs] = [Number(phones), Number(stall)];
  if (!Number.isInteger(count) || count < 1 || count > 1_000) usage('--burst takes a whole number from 1 to 1000');
  if (!Number.isInteger(stallStoreMs) || stallStoreMs < 0 || stallStoreMs > 20_000)
    usage('--stall-store-ms takes a whole number from 0 to 20000');
  return { count, stallStoreMs, report };
}

function processCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) usage(`${option} takes a whole number from 1 to 64`);
  return count;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean' },
        conversations: { type: 'string' },
        minutes: { type: 'string' },
        burst: { type: 'string' },
        'stall-store-ms': { type: 'string' },
        codec: { type: 'string', default: 'opus' },
        report: { type: 'string' },
        picture: { type: 'string' },
        'find-limit': { type: 'boolean' },
        processes: { type: 'string' },
        'phone-processes': { type: 'string' },
        'server-option': { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

async function runBurst({ count, stallStoreMs, report: file }: Burst): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bestday-load-'));
  try {
    const report = await measureBurst({ folder, count, stallStoreMs, progress });
    printBurst(report);
    if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
    process.exitCode = burstHolds(report) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(count: number, options: Options): Promise<LoadReport> {
  const folder = mkdtempSync(join(tmpdir(), 'bestday-load-'));
  try {
    const held = await holdConversations({ ...options, folder, count, progress });
    try {
      const relay = await runRelay(folder, held.phones, rampMsOf(count), progress);
      return reportOf({ ...options, count, held, relay });
    } finally {
      held.phones.kill();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function progress(what: string, done: number): void {
  if (!process.stderr.isTTY) return;
  const width = 30;
  const full = Math.round(done * width);
  process.stderr.write(
    `\r\x1b[K${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.round(done * 100)} %  ${what}${done >= 1 ? '\n' : ''}`,
  );
}

async function main(): Promise<void> {
  const options = parse();
  if ('stallStoreMs' in options) return runBurst(options);
  const reports: LoadReport[] = [];
  for (const count of options.conversations) {
    const report = await measure(count, options);
    reports.push(report);
    const alone = reports.find(({ conversations }) => conversations === 1);
    printReport(report, alone);
    if (options.findLimit && brokenBy(report, alone).length > 0) break;
  }
  process.stdout.write(`\n${tableOf(reports)}\n`);
  if (options.findLimit) sayLimit(reports);
  if (options.report !== undefined)
    writeFileSync(options.report, `${JSON.stringify(reports.length === 1 ? reports[0] : reports, undefined, 2)}\n`);
  if (options.picture !== undefined) await drawLoad(options.picture, reports);
  process.exitCode = reports.some(({ failed }) => failed > 0) ? 1 : 0;
}

function sayLimit(reports: readonly LoadReport[]): void {
  const alone = reports.find(({ conversations }) => conversations === 1);
  const held = reports
    .filter((report) => brokenBy(report, alone).length === 0)
    .map(({ conversations }) => conversations);
  process.stdout.write(
    held.length === 0
      ? '\nnone of these numbers holds\n'
      : `\nhighest number of conversations that holds: ${Math.max(...held)}\n`,
  );
}

await main();
