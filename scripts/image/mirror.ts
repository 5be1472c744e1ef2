import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The Debian mirror that this machine itself uses.
 * @param apt folder with `sources.list` and `sources.list.d`
 * @returns undefined where it uses none: it may not be a Debian
 */
export function mirrorOf(apt: string): string | undefined {
  const folder = join(apt, 'sources.list.d');
  const files = [
    join(apt, 'sources.list'),
    ...(existsSync(folder)
      ? readdirSync(folder)
          .sort()
          .map((name) => join(folder, name))
      : []),
  ];
  const lines = files
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const words = lines.filter((line) => /^(deb |URIs:)/.test(line)).flatMap((line) => line.split(/\s+/));
  return words.find((word) => /^https?:\/\/\S+\/debian\/?$/.test(word))?.replace(/\/$/, '');
}
