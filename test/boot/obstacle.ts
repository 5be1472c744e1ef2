import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/programs.ts';

/** The image under test. */
export const IMAGE = process.env['BESTDAY_IMAGE'] ?? join(ROOT, 'out/bestday-pi-4-usb.img');

const PROGRAMS: readonly (readonly [program: string, aptPackage: string])[] = [
  ['qemu-system-aarch64', 'qemu-system-arm'],
  ['qemu-img', 'qemu-utils'],
  ['mcopy', 'mtools'],
  ['setpriv', 'util-linux'],
  ['pulseaudio', 'pulseaudio'],
  ['pacat', 'pulseaudio-utils'],
];

/** Leaves the tests of `context` out, out loud, where this machine cannot boot the image. */
export function skipWithoutMachine(context: Mocha.Context): void {
  const why = obstacle();
  if (why === undefined) return;
  console.log(`    SKIPPED: ${why}`);
  context.skip();
}

/** Why this machine cannot boot the image, and what to do; undefined: it can. */
function obstacle(): string | undefined {
  const missing = PROGRAMS.filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0).map(
    ([, aptPackage]) => aptPackage,
  );
  if (missing.length > 0) return `apt-get install -y ${[...new Set(missing)].join(' ')}`;
  const audio = spawnSync('qemu-system-aarch64', ['-audiodev', 'help'], { encoding: 'utf8' }).stdout;
  if (!/^pa$/m.test(audio)) return 'QEMU lacks its PulseAudio driver: apt-get install -y qemu-system-gui';
  if (!existsSync(IMAGE))
    return `there is no image ${IMAGE}: npm run image -- --board pi-4-usb --output ${IMAGE} (or name another: BESTDAY_IMAGE=FILE)`;
  return undefined;
}
