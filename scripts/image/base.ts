import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../package/npm-parts.ts';
import { ROOT } from '../programs.ts';
import { TOOL_PATH } from './host.ts';

/** The Debian under the phone: the same for all boards, made once (about eight minutes) and kept. */

export const CACHE = process.env['BESTDAY_CACHE'] ?? join(ROOT, '.cache/image');
const SUITE = 'trixie';
const USUAL_MAX_DAYS = 14;
const DAY_MS = 86_400_000;

const PACKAGES = [
  // The board: its kernel, its firmware, its radio.
  'linux-image-arm64',
  'initramfs-tools',
  'zstd',
  'raspi-firmware',
  'firmware-brcm80211',
  'wireless-regdb',
  'systemd-sysv',
  'libnss-systemd',
  'udev',
  'dbus',
  'kmod',
  'e2fsprogs',
  'fdisk',
  // The network and the time.
  'network-manager',
  'wpasupplicant',
  'iproute2',
  'ca-certificates',
  'systemd-timesyncd',
  // Sound, with the server that speakerphones need, and the switch.
  'alsa-utils',
  'pulseaudio',
  'pulseaudio-utils',
  'libasound2-plugins',
  'gpiod',
  // Of the package's program.
  'libstdc++6',
];

/** What a phone never reads. */
const DPKG = [
  'force-confold',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
];

/**
 * Under emulation an initial RAM disk takes a minute and a half: it is made once, at the end. It holds the drivers of
 * every disk there is, so that the same image starts on a board and in QEMU.
 */
const HOOKS = [
  [
    'essential',
    'mkdir -p "$1/etc/initramfs-tools/conf.d" && echo update_initramfs=no > "$1/etc/initramfs-tools/update-initramfs.conf"',
  ],
  ['customize', 'printf "MODULES=most\\nCOMPRESS=zstd\\n" > "$1/etc/initramfs-tools/conf.d/phone.conf"'],
  ['customize', 'chroot "$1" update-initramfs -c -k all'],
] as const;

/** Times in it are cut to this one: the same packages give the same bytes. 2026-01-01. */
const EPOCH = '1767225600';

/** As mmdebstrap takes it, without where it comes from and where it goes. */
const RECIPE: readonly string[] = [
  '--mode=root',
  '--arch=arm64',
  '--variant=minbase',
  '--components=main,non-free-firmware',
  '--aptopt=Apt::Install-Recommends "false"',
  ...DPKG.map((option) => `--dpkgopt=${option}`),
  `--include=${PACKAGES.join(',')}`,
  ...HOOKS.map(([when, what]) => `--${when}-hook=${what}`),
];

/** Named after what makes it. */
export function baseFile(): string {
  const key = createHash('sha256')
    .update([SUITE, EPOCH, ...RECIPE].join('\0'))
    .digest('hex')
    .slice(0, 16);
  return join(CACHE, `debian-${SUITE}-${key}.tar`);
}

/**
 * Debian mends its faults every few days: a base that is older is fetched anew, so that no card is written with holes
 * that are known.
 */
export function baseState(file: string, nowMs: number, maxDays: number): 'missing' | 'too old' | 'good' {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return 'missing';
  return nowMs - made > maxDays * DAY_MS ? 'too old' : 'good';
}

/** `BESTDAY_BASE_DAYS`: how old a kept base may be. @throws {Error} */
export function maxBaseDays(env: NodeJS.ProcessEnv): number {
  const given = env['BESTDAY_BASE_DAYS'] ?? String(USUAL_MAX_DAYS);
  if (/^\d{1,4}$/.test(given)) return Number(given);
  throw new Error(`BESTDAY_BASE_DAYS is a number of days, 0 to 9999, not '${given}'`);
}

/** True: `provideBase` fetches nothing. */
export function hasBase(): boolean {
  return baseState(baseFile(), Date.now(), maxBaseDays(process.env)) === 'good';
}

/**
 * @param mirror undefined: mmdebstrap's own
 * @returns the archive, made now where there is none that is young enough. @throws {Error} with what mmdebstrap said
 */
export function provideBase(mirror: string | undefined): string {
  const file = baseFile();
  if (hasBase()) return file;
  const days = maxBaseDays(process.env);
  if (baseState(file, Date.now(), days) === 'too old')
    console.error(`image: the kept Debian is older than ${days} days (BESTDAY_BASE_DAYS) and is renewed`);
  console.error(`image: Debian ${SUITE} from ${mirror ?? "mmdebstrap's own mirror"}: about eight minutes, once`);
  mkdirSync(CACHE, { recursive: true });
  const draft = file.replace(/\.tar$/, '.part.tar');
  // INITRD=No: the kernel's own package makes none, see above.
  run('mmdebstrap', [...RECIPE, SUITE, draft, ...(mirror === undefined ? [] : [mirror])], {
    env: { ...process.env, PATH: TOOL_PATH, INITRD: 'No', SOURCE_DATE_EPOCH: EPOCH },
  });
  renameSync(draft, file);
  for (const old of readdirSync(CACHE).filter((name) => /^debian-.*\.tar$/.test(name) && join(CACHE, name) !== file))
    rmSync(join(CACHE, old));
  return file;
}
