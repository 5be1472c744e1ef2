#!/usr/bin/env node
// @ts-check
/** `npm start`: sets up what is missing, builds, and holds one whole conversation between the two real programs. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

for (const step of ['setup.mjs', 'build.mjs']) {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', step)], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
// Ctrl-C reaches the demonstration as well, which hangs up first; until then there is something to wait for.
process.on('SIGINT', () => {});
const demo = spawnSync(process.execPath, ['--import=tsx', join(ROOT, 'scripts/demo.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: ROOT,
});
process.exit(demo.status ?? 1);
