import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../programs.ts';
import type { NpmPart } from './architecture.ts';

/** Kept between runs: a hundred megabytes are not fetched twice. */
export const CACHE = join(ROOT, '.cache/package');

/** A package of package-lock.json, whatever machine this is. @throws {Error} */
export function lockedPart(name: string): NpmPart {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string } | undefined>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`package-lock.json has no ${name}: npm install`);
  return { name, version, integrity };
}

/**
 * Fetches and unpacks a package, once.
 * @returns its folder
 * @throws {Error} when it cannot be had, or is not what was pinned
 */
export function npmFolder(part: NpmPart): string {
  const stem = `${part.name.replace('@', '').replace('/', '-')}-${part.version}`;
  const folder = join(CACHE, stem);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  run('npm', ['pack', '--silent', '--pack-destination', CACHE, `${part.name}@${part.version}`]);
  const archive = join(CACHE, `${stem}.tgz`);
  checkIntegrity(archive, part);
  const draft = `${folder}.part`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  run('tar', ['-xzf', archive, '-C', draft, '--strip-components=1', '--no-same-owner']);
  renameSync(draft, folder);
  rmSync(archive);
  return folder;
}

function checkIntegrity(archive: string, { name, version, integrity }: NpmPart): void {
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found === integrity) return;
  rmSync(archive);
  throw new Error(`${name}@${version} is not what was pinned (${found.slice(0, 24)}…): do not use it`);
}

/** @throws {Error} with the last lines of what the program said */
export function run(
  program: string,
  argumentsOf: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(program, argumentsOf, {
    encoding: 'utf8',
    cwd: options.cwd ?? ROOT,
    env: options.env ?? process.env,
    maxBuffer: 64 << 20,
  });
  if (status === 0) return stdout;
  const why =
    error === undefined ? stderr.trim().split('\n').slice(-5).join('\n') : (error as NodeJS.ErrnoException).code;
  throw new Error(`${program} ${argumentsOf.slice(0, 3).join(' ')} …: ${why}`);
}
