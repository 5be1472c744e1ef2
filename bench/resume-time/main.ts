import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { checkPictureFile, writePicture } from '../../test/lib/plot.ts';
import {
  describeTimes,
  HEARD_WITHIN_MS,
  measureResumeTime,
  missingForResumeTime,
} from '../../test/lib/resume/resume-time.ts';
import type { ResumeTimes } from '../../test/lib/resume/resume-time.ts';
import { distribution } from '../../test/lib/statistics.ts';

/** `npm run resume-time`: cuts a real link between the two real ends many times, and prints how soon the answer goes on. */

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
    all.push(await measureResumeTime(reported, cuts, lanes, [shortest * 1_000, longest * 1_000]));
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
