import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { options } from './lib/options.ts';
import { processCost } from './lib/process-cost.ts';
import type { ProcessCost } from './lib/process-cost.ts';
import { Programs } from './lib/programs.ts';
import { paired, print } from './lib/result.ts';

/** What a minute of two-way conversation costs: the daemon, and beside it at the same time the floor, on one server. */

const { seconds, pairs: rounds, json } = options({ seconds: 60, pairs: 1 });
const GOAL = 1.25;
/** From the start of the process; the rest of the conversation is the steady part. */
const SETTLE_MS = 3_000;

interface Cost extends ProcessCost {
  /** Of a minute of the steady part. */
  readonly steadyCpuSeconds: number;
}

const programs = await Programs.start(seconds + 10);
const report = join(programs.folder, 'report.json');
try {
  const costs: [ours: Cost, floor: Cost][] = [];
  for (let round = 0; round < rounds; round++) {
    // Side by side: what else the machine does in this minute, it does to both.
    costs.push(
      await Promise.all([
        costOf(() =>
          programs.daemon('/live/20', [
            '--audio',
            'file',
            '--input',
            join(programs.folder, 'speech.wav'),
            '--report',
            report,
          ]),
        ),
        costOf(() => programs.floor('/live/20')),
      ]),
    );
  }
  const row = (what: string, unit: string, of: (cost: Cost) => number, goal?: number): ReturnType<typeof paired> =>
    paired(
      what,
      unit,
      costs.map(([ours, floor]) => [of(ours), of(floor)]),
      goal,
    );
  print(
    {
      benchmark: 'conversation-cost',
      method: `${seconds} s of two-way speech, 50 Opus frames/s each way over wss; ${rounds} pair${rounds === 1 ? '' : 's'}, side by side; children counted`,
      rows: [
        row('CPU of the whole run', 's', ({ cpuSeconds }) => cpuSeconds, GOAL),
        row('CPU of a minute, once started', 's', ({ steadyCpuSeconds }) => steadyCpuSeconds, GOAL),
        row('memory, peak (VmHWM)', 'MB', ({ peakMb }) => peakMb, GOAL),
        row('memory, at the end (RSS)', 'MB', ({ residentMb }) => residentMb, GOAL),
        row('memory, share with children (PSS)', 'MB', ({ shareMb }) => shareMb),
      ],
      notes: [
        `the daemon's own count of the last pair: ${framesIn(report)}`,
        'peak and RSS count whole pages, shared or not; PSS divides the pages of Node itself among all Nodes that run, so it is for information',
      ],
    },
    json,
  );
} finally {
  programs.stop();
}

/** That it really talked, and lost nothing. */
function framesIn(file: string): string {
  const { frames } = JSON.parse(readFileSync(file, 'utf8')) as { frames: Record<string, number> };
  return Object.entries(frames)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

async function costOf(start: () => ChildProcess): Promise<Cost> {
  const child = start();
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  await sleep(SETTLE_MS);
  const settled = ended ? undefined : processCost(child.pid!);
  await sleep(seconds * 1_000 - SETTLE_MS);
  if (ended || settled === undefined)
    throw new Error(`${child.spawnargs[1]} ended before the conversation was over (exit code ${child.exitCode})`);
  const end = processCost(child.pid!);
  await programs.end(child);
  return { ...end, steadyCpuSeconds: ((end.cpuSeconds - settled.cpuSeconds) * 60_000) / (seconds * 1_000 - SETTLE_MS) };
}
