import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawWaterfall } from './latency/picture.ts';
import { printTable, reportOf } from './latency/latency-report.ts';
import { measureLatency } from './latency/measure.ts';
import { checkPictureFile } from './plot.ts';

/**
 * `npm run latency -- [--report R.json] [--picture F.png] [--turns N] [--stages p95|median]`: whole turns between the
 * device's own call and a real server over a link of 200 ms there and back, with fake vendors that take as long as the
 * stages' budgets say; once as the server works, once with nothing overlapping.
 */
interface Options {
  readonly report: string | undefined;
  readonly picture: string | undefined;
  readonly turns: number;
  readonly stages: 'p95' | 'median';
}

function usage(problem: string): never {
  process.stderr.write(`latency: ${problem}\nusage: npm run latency -- [--report R.json] [--picture F.png] [--turns N] [--stages p95|median]\n`);
  process.exit(2);
}

function parse(): Options {
  try {
    const { values } = parseArgs({ options: { report: { type: 'string' }, picture: { type: 'string' }, turns: { type: 'string', default: '100' }, stages: { type: 'string', default: 'p95' } } });
    const turns = Number(values.turns);
    if (!Number.isInteger(turns) || turns < 1) usage('--turns takes a whole number over 0');
    if (values.stages !== 'p95' && values.stages !== 'median') usage('--stages is p95 (a stage keeps its budget 19 times of 20) or median (every second time)');
    if (values.picture !== undefined) checkPictureFile(values.picture);
    return { report: values.report, picture: values.picture, turns, stages: values.stages };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { report: file, picture, turns, stages } = parse();
const overlapping = await measureLatency({ turns, stages, overlap: true, progress });
const oneAfterAnother = await measureLatency({ turns, stages, overlap: false, progress });
const report = reportOf(stages, overlapping, oneAfterAnother);
printTable(report);
if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
if (picture !== undefined) await drawWaterfall(picture, report);
process.exit(report.overlap.answerMs.p95 < report.goalMs ? 0 : 1);

function progress(what: string, done: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}: ${Math.round(done * 100)} %${done >= 1 ? '\n' : ''}`);
}
