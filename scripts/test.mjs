#!/usr/bin/env node
// @ts-check
/**
 * `npm test`: sets up, builds, runs every test. `--lint` (used by .ci/run) adds ESLint and the type check, each
 * counted as one failure; `--no-build` uses the bundles that are there. Other arguments go to mocha; test files
 * among them replace the whole list.
 * The last line is always `N passed, N failed`, with `, N skipped` when some were.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, setUp } from './setup.mjs';
import { provideSystemParts } from './system-parts.mjs';

const TESTS = '{protocol,common,device,server-stub,test,scripts,bench}/**/*.test.ts';
/** A sound card made of software needs the machine to itself: these run first, alone. */
const SOUND = ['device/test/audio/*.test.ts'];
/** Tests that mostly wait: for sockets and processes. They run beside the others, which mostly compute. */
const REAL_TIME = [
  'test/{end-to-end,resume}/*.test.ts',
  'test/*.test.ts',
  'server-stub/test/store/redis*.test.ts',
  'scripts/test/*.test.ts',
  'test/lib/test/*.test.ts',
];

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */

/** @param {string[]} arguments_ */
async function main(arguments_) {
  provideSystemParts();
  setUp();
  const failures = await check({
    building: !arguments_.includes('--no-build'),
    linting: arguments_.includes('--lint'),
  });
  const counts = await runTests(arguments_.filter((argument) => argument !== '--lint' && argument !== '--no-build'));
  return { ...counts, failed: counts.failed + failures };
}

/**
 * @param {{building: boolean, linting: boolean}} what
 * @returns how many did not hold
 */
async function check({ building, linting }) {
  // Only now: it needs packages that setup may just have installed.
  const { build, typeCheck } = await import('./build.mjs');
  let failures = 0;
  if (building && !(await holds('build', build))) failures += 1;
  if (linting && !(await holds('types', typeCheck))) failures += 1;
  if (linting && !(await holds('lint', lint))) failures += 1;
  return failures;
}

/**
 * @param {string} name
 * @param {() => unknown} check false, or an error, when it fails
 */
async function holds(name, check) {
  try {
    if ((await check()) !== false) return true;
    console.error(`${name}: failed`);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
  }
  return false;
}

function lint() {
  return (
    spawnSync(process.execPath, ['node_modules/eslint/bin/eslint.js', '.'], { cwd: ROOT, stdio: ['ignore', 2, 2] })
      .status === 0
  );
}

/**
 * @param {string[]} arguments_ for mocha
 * @returns {Promise<Counts>}
 */
async function runTests(arguments_) {
  if (arguments_.some((argument) => /\.(test|long)\.ts$/.test(argument))) return runLane(arguments_, true);
  const sound = await runLane([...arguments_, ...SOUND], true);
  const others = await Promise.all([
    runLane([...arguments_, ...REAL_TIME], true),
    runLane([...arguments_, ...[...SOUND, ...REAL_TIME].flatMap((pattern) => ['--ignore', pattern]), TESTS], false),
  ]);
  return [sound, ...others].reduce((sum, lane) => ({
    passed: sum.passed + lane.passed,
    failed: sum.failed + lane.failed,
    skipped: sum.skipped + lane.skipped,
  }));
}

/**
 * @param {string[]} arguments_ for mocha
 * @param {boolean} live print as it goes; else all at once, at the end
 * @returns {Promise<Counts>}
 */
async function runLane(arguments_, live) {
  const folder = mkdtempSync(join(tmpdir(), 'bestday-test-'));
  const file = join(folder, 'counts.json');
  const mocha = ['node_modules/mocha/bin/mocha.js', '--reporter', 'scripts/mocha-reporter.cjs', ...arguments_];
  const child = spawn(process.execPath, mocha, {
    cwd: ROOT,
    stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
    env: { ...process.env, BESTDAY_TEST_COUNTS: file },
  });
  /** @type {Buffer[]} */
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(chunk));
  try {
    const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
    process.stdout.write(Buffer.concat(output));
    return readCounts(file, status);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} file
 * @param {number | null} status mocha's exit status
 * @returns {Counts} a run that ended badly, or ran nothing, never counts as clean
 */
function readCounts(file, status) {
  /** @type {Counts} */
  let counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    counts = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    console.error('test: mocha ended without a result; what it said is above');
  }
  const clean = status === 0 && counts.passed > 0;
  if (!clean && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @type {Counts} */
let counts;
try {
  counts = await main(process.argv.slice(2));
} catch (error) {
  console.error(`test: ${error instanceof Error ? error.message : error}`);
  counts = { passed: 0, failed: 1, skipped: 0 };
}
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = counts.failed > 0 ? 1 : 0;
