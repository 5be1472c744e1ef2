import { createRequire } from 'node:module';

/** The part of `koffi` that is used. Its type is written here: the package is optional. */
export interface Koffi {
  load(path: string): { func(declaration: string): (...values: unknown[]) => unknown };
  errno(): number;
}

/**
 * Loads koffi at run time, also from a bundle, which cannot hold it. It costs a few milliseconds, so only
 * callers that need a system call load it.
 * @returns undefined where it is not installed
 */
export function loadKoffi(): Koffi | undefined {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return undefined;
  }
}

/** Whether a package could be loaded, as far as can be told without loading it. */
export function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** glibc, by the name that every Linux distribution with systemd gives it. */
export const LIBC = 'libc.so.6';
