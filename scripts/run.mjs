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
const { status } = spawnSync(process.execPath, ['--import=tsx', ...process.argv.slice(2)], { stdio: 'inherit', cwd: ROOT });
process.exit(status ?? 1);
