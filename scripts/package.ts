import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { architectureNamed } from './package/architecture.ts';
import { buildDeb } from './package/deb.ts';
import { run } from './package/npm-parts.ts';
import { pinnedParts } from './package/parts.ts';
import { layOut } from './package/tree.ts';
import { ROOT } from './programs.ts';

/**
 * `npm run package -- --arch arm64|amd64|armhf [--output FILE.deb]`: the Debian package. Prints its path. The same
 * sources give the same bytes: every file carries SOURCE_DATE_EPOCH, or else the time of the last commit.
 */

function main(): void {
  const { values } = parseArgs({ options: { arch: { type: 'string' }, output: { type: 'string' } } });
  if (values.arch === undefined) throw new Error('name a machine: npm run package -- --arch arm64 (or amd64, armhf)');
  const architecture = architectureNamed(values.arch);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const output = resolve(values.output ?? join(ROOT, 'out', `bestday-phone_${version}_${architecture.name}.deb`));
  mkdirSync(resolve(output, '..'), { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'bestday-package-'));
  try {
    const parts = pinnedParts(architecture);
    for (const what of parts.missing) console.error(`package: without ${what}`);
    layOut(join(work, 'tree'), parts);
    buildDeb(join(work, 'tree'), output, architecture, version, epoch());
  } finally {
    rmSync(work, { recursive: true });
  }
  console.error(`package: ${(statSync(output).size / 2 ** 20).toFixed(1)} MiB`);
  process.stdout.write(`${output}\n`);
}

function epoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  return Number(run('git', ['log', '-1', '--format=%ct']).trim());
}

try {
  main();
} catch (error) {
  console.error(`package: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
