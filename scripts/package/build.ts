import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../programs.ts';
import type { Architecture } from './architecture.ts';
import { buildDeb } from './deb.ts';
import { run } from './npm-parts.ts';
import { pinnedParts } from './parts.ts';
import { layOut } from './tree.ts';

/** Of the phone's software. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Builds the package from the bundles in dist/ and parts pinned by their bytes. @throws {Error} */
export function buildPackage(architecture: Architecture, output: string): void {
  mkdirSync(dirname(output), { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'bestday-package-'));
  try {
    const parts = pinnedParts(architecture);
    for (const what of parts.missing) console.error(`package: without ${what}`);
    layOut(join(work, 'tree'), parts);
    buildDeb(join(work, 'tree'), output, architecture, packageVersion(), sourceEpoch());
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** SOURCE_DATE_EPOCH, or else the time of the last commit: seconds since 1970. The same sources give the same bytes. */
export function sourceEpoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  return Number(run('git', ['log', '-1', '--format=%ct']).trim());
}
