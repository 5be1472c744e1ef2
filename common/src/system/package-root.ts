import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE_NAME = 'best-day-phone';

/** Set by the bundler; from source it is read from package.json. */
declare const BESTDAY_VERSION: string | undefined;

/**
 * The folder that holds package.json and the data files the programs read at run time: a checkout when run from
 * source or from dist/, `/usr/lib/bestday-phone` when installed.
 * @param from a file inside the package
 * @throws {Error} when it stands in no copy of the package
 */
export function packageRoot(from: string = fileURLToPath(import.meta.url)): string {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    if (readPackage(folder)?.name === PACKAGE_NAME) return folder;
    if (folder === dirname(folder)) {
      throw new Error(`no package.json of ${PACKAGE_NAME} stands above ${from}: install the package again, whole`);
    }
  }
}

/** A data file or folder, by its path from the package's root: `dataPath('device/prompts')`. */
export function dataPath(...path: string[]): string {
  return join(packageRoot(), ...path);
}

/** The program's version, as in package.json. */
export function version(): string {
  return typeof BESTDAY_VERSION === 'string' ? BESTDAY_VERSION : (readPackage(packageRoot())?.version ?? 'unknown');
}

function readPackage(folder: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string };
  } catch {
    return undefined;
  }
}
