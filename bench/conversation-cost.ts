import type { ChildProcess } from 'node:child_process';
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
try {
  const costs: [ours: Cost, floor: Cost][] = [];
  for (let round = 0; round < rounds; round++) {
    // Side by side: what else the machine does in this minute, it does to both.
    costs.push(await Promise.all([costOf(() => programs.daemon('/live/20')), costOf(() => programs.floor('/live/20'))]));
  }
  const row = (what: string, unit: string, of: (cost: Cost) => number): ReturnType<typeof paired> =>
    paired(what, unit, costs.map(([ours, floor]) => [of(ours), of(floor)]), GOAL);
  print({
    benchmark: 'conversation-cost',
    method: `${seconds} s of two-way speech, 50 Opus frames/s each way over wss; ${rounds} pair${rounds === 1 ? '' : 's'}, side by side; children counted`,
    rows: [
      row('CPU of the whole run', 's', ({ cpuSeconds }) => cpuSeconds),
      row('CPU of a minute, once started', 's', ({ steadyCpuSeconds }) => steadyCpuSeconds),
      row('memory, peak (VmHWM)', 'MB', ({ peakMb }) => peakMb),
      row('memory, at the end (RSS)', 'MB', ({ residentMb }) => residentMb),
      row('memory, share with children (PSS)', 'MB', ({ shareMb }) => shareMb),
    ],
  }, json);
} finally {
  programs.stop();
}

async function costOf(start: () => ChildProcess): Promise<Cost> {
  const child = start();
  let ended = false;
  child.once('exit', () => { ended = true; });
  await sleep(SETTLE_MS);
  const settled = ended ? undefined : processCost(child.pid!);
  await sleep(seconds * 1_000 - SETTLE_MS);
  if (ended || settled === undefined) throw new Error(`${child.spawnargs[1]} ended before the conversation was over (exit code ${child.exitCode})`);
  const end = processCost(child.pid!);
  await programs.end(child);
  return { ...end, steadyCpuSeconds: (end.cpuSeconds - settled.cpuSeconds) * 60_000 / (seconds * 1_000 - SETTLE_MS) };
}
