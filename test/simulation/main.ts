import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.ts';
import { run } from './run.ts';
import { scriptOf } from './script.ts';
import type { Script } from './script.ts';
import { shrink } from './shrink.ts';
import type { Violation } from './violation.ts';

const HELP = `npm run simulate -- --seeds N [--from SEED] [--jobs J]
npm run simulate -- --script FILE

Plays scripts of trouble against the real phone and the real server in virtual time, and checks the promises of
test/simulation/README.md after each. Exit 1 at a violation; a failing seed is shrunk to a small script and written to a file.

  --seeds N      how many scripts to play (default 1000)
  --from SEED    the first one (default 1)
  --jobs J       processes (default: one a core)
  --script FILE  play this script instead

The last line tells how much time is played in one second of one core.`;

/** More shrinking than this says nothing new. */
const MOST_SHRUNK = 3;
const OUT = resolve(import.meta.dirname, '../../out/simulation');

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string' },
      script: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.script !== undefined) return playFile(values.script);
  return playSeeds(
    count('--from', values.from, 0),
    count('--seeds', values.seeds, 1),
    count('--jobs', values.jobs ?? String(availableParallelism()), 1),
  );
}

function count(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${option} ${text}: want a whole number of at least ${least}`);
}

async function playFile(file: string): Promise<number> {
  const script = JSON.parse(readFileSync(file, 'utf8')) as Script;
  const before = process.cpuUsage();
  const { violations, virtualMs } = await run(script);
  const { user, system } = process.cpuUsage(before);
  show(violations);
  console.log(lastLine(1, violations.length, virtualMs, (user + system) / 1_000));
  return violations.length === 0 ? 0 : 1;
}

async function playSeeds(fromSeed: number, seeds: number, jobs: number): Promise<number> {
  const failures: { seed: number; violation: Violation }[] = [];
  let virtualMs = 0;
  let cpuMs = 0;
  let done = 0;
  await campaign(fromSeed, seeds, jobs, (result) => {
    virtualMs += result.virtualMs;
    cpuMs += result.cpuMs;
    for (const violation of unlike(result.violations)) failures.push({ seed: result.seed, violation });
    bar(++done, seeds, failures.length);
  });
  bar();
  for (const { seed, violation } of failures) console.log(`seed ${seed}: ${line(violation)}`);
  for (const { seed, violation } of failures.slice(0, MOST_SHRUNK)) await report(seed, violation.code);
  console.log(lastLine(seeds, failures.length, virtualMs, cpuMs));
  return failures.length === 0 ? 0 : 1;
}

async function report(seed: number, code: string): Promise<void> {
  const fails = async (script: Script): Promise<boolean> =>
    (await run(script)).violations.some((violation) => violation.code === code);
  const small = await shrink(scriptOf(seed), fails);
  mkdirSync(OUT, { recursive: true });
  const file = resolve(OUT, `seed-${seed}-${code}.json`);
  writeFileSync(file, `${JSON.stringify(small, null, 2)}\n`);
  console.log(`\nseed ${seed} shrinks to ${small.events.length} events, ${small.lengthMs / 1_000} s:`);
  for (const event of small.events) console.log(`  ${JSON.stringify(event)}`);
  show((await run(small)).violations.filter((violation) => violation.code === code));
  console.log(`  npm run simulate -- --script ${relative(process.cwd(), file)}`);
}

/** One of each kind. */
function unlike(violations: readonly Violation[]): Violation[] {
  return [...new Map(violations.toReversed().map((violation) => [violation.code, violation])).values()].toReversed();
}

function show(violations: readonly Violation[]): void {
  for (const violation of unlike(violations)) console.log(`  ${line(violation)}`);
}

function line({ invariant, code, atMs, message }: Violation): string {
  return `promise ${invariant}, ${code}, at ${(atMs / 1_000).toFixed(3)} s: ${message}`;
}

function lastLine(seeds: number, violations: number, virtualMs: number, cpuMs: number): string {
  return `${seeds} seeds, ${violations} violations, ${Math.round(virtualMs / cpuMs)} × real time`;
}

/** On a terminal only; without arguments it is wiped. */
function bar(done?: number, all = 1, failed = 0): void {
  if (!process.stderr.isTTY) return;
  if (done === undefined) return void process.stderr.write('\r\x1b[K');
  const filled = Math.floor((30 * done) / all);
  process.stderr.write(
    `\r\x1b[K${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${done}/${all}${failed > 0 ? `, ${failed} violations` : ''}`,
  );
}

process.exitCode = await main();
