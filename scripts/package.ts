import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { architectureNamed } from './package/architecture.ts';
import { buildPackage, packageVersion } from './package/build.ts';
import { ROOT } from './programs.ts';

/**
 * `npm run package -- --arch arm64|amd64|armhf [--output FILE.deb]`: the Debian package. Prints its path. The same
 * sources give the same bytes: every file carries SOURCE_DATE_EPOCH, or else the time of the last commit.
 */

function main(): void {
  const { values } = parseArgs({ options: { arch: { type: 'string' }, output: { type: 'string' } } });
  if (values.arch === undefined) throw new Error('name a machine: npm run package -- --arch arm64 (or amd64, armhf)');
  const architecture = architectureNamed(values.arch);
  const output = resolve(
    values.output ?? join(ROOT, 'out', `bestday-phone_${packageVersion()}_${architecture.name}.deb`),
  );
  buildPackage(architecture, output);
  console.error(`package: ${(statSync(output).size / 2 ** 20).toFixed(1)} MiB`);
  process.stdout.write(`${output}\n`);
}

try {
  main();
} catch (error) {
  console.error(`package: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
