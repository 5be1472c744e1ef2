import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { missingForNetwork } from '../../test/lib/network/namespaces.ts';
import { checkPictureFile, writePicture } from '../../test/lib/plot.ts';
import { ROOT } from '../../scripts/programs.ts';
import { distribution } from '../soak/report.ts';
import type { CutResult, LaneOrder, LaneResult } from './lane.ts';
import { missingForFirewall } from '../../test/lib/network/link.ts';

/**
 * `npm run resume-time`: how soon after the link's return the answer goes on in the phone's speaker, over many cuts
 * of a real link between the two real ends: pulled out (the interface reports its return) or swallowing every packet
 * (nobody reports it, and the phone's schedule decides).
 */
export interface ResumeTimes {
  readonly reported: boolean;
  readonly cuts: readonly CutResult[];
  readonly misheard: number;
}

/** The promise of the phone where the interface reports its return; ms, at p95. */
export const HEARD_WITHIN_MS = 1_000;

/** @returns why it cannot be measured here; undefined when it can */
export function missingForResumeTime(): string | undefined {
  return missingForNetwork() ?? missingForFirewall();
}

/** @param lanes phones and servers at work at the same time */
export async function measure(
  reported: boolean,
  cuts: number,
  lanes: number,
  outageMs: LaneOrder['outageMs'] = [8_000, 14_000],
): Promise<ResumeTimes> {
  const orders = Array.from({ length: lanes }, (_, lane): LaneOrder => ({
    reported,
    outageMs,
    cuts: Math.floor(cuts / lanes) + (lane < cuts % lanes ? 1 : 0),
  }));
  const results = await Promise.all(orders.filter((order) => order.cuts > 0).map(lane));
  return {
    reported,
    cuts: results.flatMap((result) => result.cuts),
    misheard: results.reduce((sum, { misheard }) => sum + misheard, 0),
  };
}

function lane(order: LaneOrder): Promise<LaneResult> {
  return new Promise((resolve, reject) => {
    const child = fork(join(ROOT, 'bench/resume-time/lane.ts'), { execArgv: ['--import=tsx'], cwd: ROOT });
    child.once('message', (result) => resolve(result as LaneResult));
    child.once('exit', (code) => {
      if (code !== 0) reject(new Error(`a lane ended with ${code}`));
    });
    child.send(order);
  });
}

export function describeTimes({ reported, cuts, misheard }: ResumeTimes): string {
  const { median, p95, max } = distribution(cuts.map(({ heardMs }) => heardMs));
  const helloes = cuts.flatMap(({ heardAfterHelloMs }) => heardAfterHelloMs ?? []);
  const afterHello = distribution(helloes);
  return (
    `${reported ? 'reported by the interface' : 'reported by nobody'}: ${cuts.length} cuts; the answer goes on after the link's return: median ${ms(median)}, p95 ${ms(p95)}, max ${ms(max)}; ` +
    `after the hello that succeeded (${helloes.length}): median ${ms(afterHello.median)}, p95 ${ms(afterHello.p95)}, max ${ms(afterHello.max)}; ${misheard} frames not heard once and in order`
  );
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : 'never';
}

interface Options {
  readonly cuts: number;
  readonly lanes: number;
  readonly shortest: number;
  readonly longest: number;
  readonly link: 'reported' | 'unreported' | 'both';
  readonly report?: string;
  readonly picture?: string;
}

async function main({ cuts, lanes, shortest, longest, link, report, picture }: Options): Promise<number> {
  if (picture !== undefined) checkPictureFile(picture);
  const missing = missingForResumeTime();
  if (missing !== undefined) throw new Error(missing);
  const all: ResumeTimes[] = [];
  for (const reported of link === 'both' ? [true, false] : [link === 'reported']) {
    all.push(await measure(reported, cuts, lanes, [shortest * 1_000, longest * 1_000]));
    process.stdout.write(`${describeTimes(all.at(-1)!)}\n`);
  }
  if (report !== undefined) writeFileSync(report, `${JSON.stringify(all, undefined, 2)}\n`);
  if (picture !== undefined)
    await writePicture(picture, {
      title: 'From the return of the link to the sound of the answer',
      panels: all.map(panel),
    });
  return all.every(holds) ? 0 : 1;
}

function holds({ reported, cuts, misheard }: ResumeTimes): boolean {
  const { p95, max } = distribution(cuts.map(({ heardMs }) => heardMs));
  return misheard === 0 && Number.isFinite(max) && (!reported || p95 <= HEARD_WITHIN_MS);
}

function panel({ reported, cuts }: ResumeTimes): Parameters<typeof writePicture>[1]['panels'][number] {
  return {
    kind: 'time',
    title: reported ? 'The interface reports the return' : 'Nobody reports the return',
    xUnit: 'cut',
    unit: 'ms',
    yMin: 0,
    series: [{ name: 'heard after', as: 'dots', points: cuts.map(({ heardMs }, index) => [index + 1, heardMs]) }],
  };
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000)
    throw new InvalidArgumentError('want a whole number from 1 to 1000.');
  return value;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const command = new Command('npm run resume-time --')
    .description('how soon after a cut the answer goes on; needs root')
    .option('--cuts <N>', 'of each kind', count, 50)
    .option('--lanes <N>', 'phones that are cut at the same time', count, 5)
    .option('--shortest <S>', 'shortest outage; a dead link is noticed after 6 to 7 s', count, 8)
    .option('--longest <S>', 'longest outage', count, 14)
    .addOption(new Option('--link <KIND>').choices(['reported', 'unreported', 'both']).default('both'))
    .option('--report <R.json>', 'write every cut there')
    .option('--picture <F.png>', 'draw them there (.png or .svg)')
    .parse();
  main(command.opts<Options>()).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
}
