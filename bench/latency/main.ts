import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { holds, printReport, reportOf } from './report.ts';
import type { LatencyReport } from './report.ts';
import type { MeasuredLatency, MeasureOptions } from './measured.ts';
import { measureVirtually } from './measure-virtual.ts';
import { openEmulatedNetwork } from './measure-emulated.ts';
import { drawWaterfall } from './picture.ts';
import { RUNS } from './runs.ts';
import type { LatencyRun } from './runs.ts';
import { missingForNetwork } from '../../test/lib/network/namespaces.ts';
import { checkPictureFile } from '../../test/lib/plot.ts';

/**
 * Whole turns against the stages' budgets, from the last sample of the patient's speech to the first sample of the answer at
 * the speaker: by default as the server works, then with each means against the delay taken away.
 */
interface Options {
  readonly report?: string;
  readonly picture?: string;
  readonly turns: number;
  readonly phones: number;
  readonly network?: LatencyReport['network'];
  readonly only?: string;
}

const Exit = { ok: 0, missed: 1, failed: 1, machineLacks: 3 } as const;

async function main({ report: file, picture, turns, phones, network: wanted, only }: Options): Promise<number> {
  if (picture !== undefined) checkPictureFile(picture);
  const missing = wanted === 'virtual' ? undefined : missingForNetwork();
  if (missing !== undefined && wanted === 'emulated') {
    process.stderr.write(`${missing}\n(--network virtual needs none of this)\n`);
    return Exit.machineLacks;
  }
  if (missing !== undefined)
    process.stderr.write(
      `No emulated network here (${missing}): the 200 ms are made in one process, in virtual time.\n`,
    );
  const network = wanted ?? (missing === undefined ? 'emulated' : 'virtual');
  const runs = RUNS.filter(({ key }) => only === undefined || key === only);
  const measured =
    network === 'virtual'
      ? await each(runs, { turns, phones }, measureVirtually)
      : await emulated(runs, { turns, phones });
  const report = reportOf(network, measured);
  printReport(report, process.stdout);
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  if (picture !== undefined) await drawWaterfall(picture, report);
  return holds(report) ? Exit.ok : Exit.missed;
}

async function emulated(
  runs: readonly LatencyRun[],
  options: Omit<MeasureOptions, 'progress'>,
): Promise<MeasuredLatency[]> {
  const network = await openEmulatedNetwork();
  const measured = await each(runs, options, network.measure);
  const { up, down } = await network.close();
  process.stderr.write(
    `the emulator handed packets on at most ${Math.max(up.lateMs.p99, down.lateMs.p99).toFixed(1)} ms late (p99), and dropped ${up.lost + down.lost + up.overflow + down.overflow}\n`,
  );
  return measured;
}

async function each(
  runs: readonly LatencyRun[],
  options: Omit<MeasureOptions, 'progress'>,
  measure: (run: LatencyRun, options: MeasureOptions) => Promise<MeasuredLatency>,
): Promise<MeasuredLatency[]> {
  const measured: MeasuredLatency[] = [];
  for (const run of runs)
    measured.push(
      await measure(run, {
        ...options,
        progress: (done) => showProgress(`budget = ${run.budgetIs}, ${run.title}`, done),
      }),
    );
  return measured;
}

function showProgress(what: string, done: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\x1b[K${what}: ${Math.round(done * 100)} %${done >= 1 ? '\n' : ''}`);
}

function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('want a whole number over 0.');
  return Number(text);
}

const command = new Command('npm run latency --')
  .description('how long patients wait for an answer, by stage, against the budgets')
  .option('--turns <N>', 'turns of each run', whole, 200)
  .option('--phones <N>', 'in conversation at the same time', whole, 32)
  .addOption(
    new Option(
      '--network <KIND>',
      'emulated: real programs in network namespaces (root); virtual: one process, virtual time',
    ).choices(['emulated', 'virtual']),
  )
  .addOption(new Option('--only <RUN>', 'one kind of run').choices([...new Set(RUNS.map(({ key }) => key))]))
  .option('--report <R.json>', 'write the figures as JSON')
  .option('--picture <F.png>', 'draw the waterfall (.png or .svg)')
  .parse();

main(command.opts<Options>()).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`latency: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(Exit.failed);
  },
);
