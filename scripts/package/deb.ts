import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readBoards } from '../hardware/data.ts';
import { ROOT } from '../programs.ts';
import type { Architecture } from './architecture.ts';
import { run } from './npm-parts.ts';

/**
 * Makes the package of a laid-out tree: the same tree and the same time give the same bytes.
 * @param epoch seconds since 1970, of every file in it
 */
export function buildDeb(
  tree: string,
  output: string,
  architecture: Architecture,
  version: string,
  epoch: number,
): void {
  writeFileSync(join(tree, 'usr/share/doc/bestday-phone/changelog.gz'), changelog(version, epoch));
  const control = join(tree, 'DEBIAN');
  mkdirSync(control);
  chmodSync(control, 0o755);
  const files = filesOf(tree).filter((file) => !file.startsWith('DEBIAN/'));
  const installedKiB = Math.ceil(files.reduce((sum, file) => sum + statSync(join(tree, file)).size, 0) / 1024);
  writeFileSync(join(control, 'control'), controlFile(architecture, version, installedKiB));
  writeFileSync(
    join(control, 'md5sums'),
    files
      .map(
        (file) =>
          `${createHash('md5')
            .update(readFileSync(join(tree, file)))
            .digest('hex')}  ${file}\n`,
      )
      .join(''),
  );
  for (const script of ['postinst', 'prerm', 'postrm']) {
    const content = readFileSync(join(ROOT, 'scripts/package', script), 'utf8');
    writeFileSync(join(control, script), content.replace(/^ *# BOARDS: .*\n/m, boardCases()));
    chmodSync(join(control, script), 0o755);
  }
  for (const file of ['control', 'md5sums']) chmodSync(join(control, file), 0o644);
  // dpkg-deb sorts the names, and takes the time of everything that is newer from SOURCE_DATE_EPOCH: that is all of it.
  run('dpkg-deb', ['--root-owner-group', '--threads-max=1', '-Zxz', '-z3', '--build', tree, output], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
}

/** Cases of a shell's `case "$model"`: the profile that is guessed for each board, the one with its first kit. */
function boardCases(): string {
  return [...readBoards()].map(([name, { model, kits }]) => `    '${model}'*) echo ${name}-${kits[0]!} ;;\n`).join('');
}

const MAINTAINER = 'Best Day Phone <support@bestdayphone.com>';

function changelog(version: string, epoch: number): Buffer {
  const date = new Date(epoch * 1_000).toUTCString().replace('GMT', '+0000');
  return gzipSync(
    `bestday-phone (${version}) stable; urgency=medium\n\n  * What changed stands in the history of the sources.\n\n -- ${MAINTAINER}  ${date}\n`,
    { level: 9 },
  );
}

function controlFile({ name, runtime }: Architecture, version: string, installedKiB: number): string {
  const depends = [
    'libc6 (>= 2.36)',
    'libstdc++6',
    'libnss-systemd',
    'alsa-utils',
    'iproute2',
    'ca-certificates',
    ...(runtime === undefined ? ['nodejs (>= 20.19), nodejs (<< 21)'] : []),
  ];
  return `Package: bestday-phone
Version: ${version}
Architecture: ${name}
Maintainer: ${MAINTAINER}
Installed-Size: ${installedKiB}
Depends: ${depends.join(', ')}
Recommends: systemd, udev
Suggests: pulseaudio, pulseaudio-utils, libasound2-plugins, gpiod
Section: comm
Priority: optional
Homepage: https://bestdayphone.com
Description: phone that keeps one warm voice conversation open
 For people with memory loss: lift the receiver, and somebody friendly is there.
 .
 This package holds the daemon, its services, the profiles of the boards it runs
 on, and the tools to check and set up a phone.
`;
}

/** Paths from the tree's root, sorted. */
function filesOf(tree: string, folder = tree): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesOf(tree, path) : [relative(tree, path)];
    })
    .sort();
}
