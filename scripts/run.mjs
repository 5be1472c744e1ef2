#!/usr/bin/env node
// @ts-check
/** `node scripts/run.mjs scripts/NAME.ts …`: sets up what is missing, builds, and runs a command written in TypeScript. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

for (const step of ['setup.mjs', 'build.mjs']) {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', step)], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
// In whatever folder it was called: the files it is given are named from there.
const [script, ...args] = process.argv.slice(2);
const env = { ...process.env, TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json') };
const { status } = spawnSync(
  process.execPath,
  [`--import=${import.meta.resolve('tsx')}`, join(ROOT, script ?? ''), ...args],
  { stdio: 'inherit', env },
);
process.exit(status ?? 1);
