import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { ROOT } from '../programs.ts';
import type { Architecture } from './architecture.ts';
import { buildDeb } from './deb.ts';
import { CACHE, run } from './npm-parts.ts';
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
    const tree = join(work, 'tree');
    layOut(tree, parts);
    const kept = join(CACHE, `${architecture.name}-${keyOf(tree, sourceEpoch())}.deb`);
    if (!existsSync(kept)) {
      buildDeb(tree, `${kept}.part`, architecture, packageVersion(), sourceEpoch());
      for (const old of readdirSync(CACHE).filter(
        (name) => name.startsWith(`${architecture.name}-`) && name.endsWith('.deb'),
      ))
        rmSync(join(CACHE, old));
      renameSync(`${kept}.part`, kept);
    }
    cpSync(kept, output);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Names a package by all that is in it: packing takes half a minute, and the boards' images share one. */
function keyOf(tree: string, epoch: number): string {
  const hash = createHash('sha256').update(`${epoch}\0`);
  const scripts = join(ROOT, 'scripts/package');
  for (const folder of [scripts, tree]) {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    for (const path of entries.map(({ parentPath, name }) => join(parentPath, name)).sort()) {
      hash
        .update(`${relative(folder, path)}\0${statSync(path).mode}\0${statSync(path).size}\0`)
        .update(readFileSync(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** SOURCE_DATE_EPOCH, or else the time of the last commit: seconds since 1970. The same sources give the same bytes. */
export function sourceEpoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  return Number(run('git', ['log', '-1', '--format=%ct']).trim());
}
