import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../package/npm-parts.ts';
import { SBOM_FILE, sbomText } from '../notices.mjs';
import { ROOT } from '../programs.ts';
import { removeUnneeded } from './unneeded.ts';

export interface RootOptions {
  /** Archive of the Debian under the phone. */
  readonly base: string;
  readonly deb: string;
  readonly board: string;
  /** A root shell on the serial port: for a technician's bench, never for the field. */
  readonly console: boolean;
  /** No file is newer; seconds since 1970. */
  readonly epoch: number;
}

/** Files that the image has and the package has not, as they lie on the phone. */
const FILES = join(ROOT, 'scripts/image/root');
/** What is written lies on /data or in memory; see also root/usr/lib/bestday-phone/image/data. */
const LINKS: Readonly<Record<string, string>> = {
  'etc/default/bestday-phone': '/data/etc/bestday-phone',
  'etc/resolv.conf': '/run/NetworkManager/resolv.conf',
  'etc/mtab': '../proc/self/mounts',
  'etc/systemd/system/default.target': '/usr/lib/systemd/system/bestday-phone.target',
  'etc/systemd/system/local-fs.target.wants/bestday-phone-data.service':
    '/usr/lib/systemd/system/bestday-phone-data.service',
  'etc/systemd/system/bestday-phone.target.wants/bestday-phone-support.service':
    '/usr/lib/systemd/system/bestday-phone-support.service',
  'etc/systemd/system/bestday-phone.target.wants/NetworkManager.service':
    '/usr/lib/systemd/system/NetworkManager.service',
};
/**
 * Services of a computer with people at it, or with a root that changes. getty and the like are nobody's business on
 * a phone: whoever holds it has no login to try.
 */
export const MASKED = [
  'getty.target',
  'getty@.service',
  'autovt@.service',
  'console-getty.service',
  'systemd-logind.service',
  'systemd-user-sessions.service',
  'rescue.service',
  'systemd-hostnamed.socket',
  'systemd-hostnamed.service',
  'systemd-sysext.socket',
  'systemd-journal-flush.service',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'sys-kernel-config.mount',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'NetworkManager-wait-online.service',
  'NetworkManager-dispatcher.service',
  'alsa-restore.service',
  'alsa-state.service',
  'systemd-machine-id-commit.service',
  'systemd-firstboot.service',
  'systemd-hwdb-update.service',
  'systemd-update-done.service',
  'systemd-journal-catalog-update.service',
  'ldconfig.service',
  'systemd-pcrmachine.service',
  'systemd-pstore.service',
  'systemd-quotacheck.service',
];
const GETTY_GENERATOR = 'etc/systemd/system-generators/systemd-getty-generator';
/** Emptied: what the build left, and what is mounted over. */
const EMPTIED = ['var', 'boot', 'tmp', 'run', 'etc/credstore', 'etc/NetworkManager/system-connections'];

/** Unpacks Debian, installs the phone's package in it and makes it read-only. @param folder must not exist yet */
export function makeRoot(folder: string, options: RootOptions): void {
  mkdirSync(folder, { recursive: true });
  run('tar', ['-xpf', options.base, '--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', folder]);
  installPackage(folder, options.deb);
  configure(folder, options);
}

function installPackage(folder: string, deb: string): void {
  cpSync(deb, join(folder, 'tmp/phone.deb'));
  // A chroot is no running system: dpkg's scripts see neither systemd nor udev, and only enable what is to start.
  run('chroot', [folder, 'dpkg', '--install', '/tmp/phone.deb'], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });
}

/** What lies on the boot partition is taken away before; see `bootFiles`. */
export function finishRoot(folder: string, { epoch }: RootOptions): void {
  // For whoever wants to know later what was in it; dpkg's own list goes with /var.
  const packages = run('dpkg-query', [`--admindir=${join(folder, 'var/lib/dpkg')}`, '--show']);
  writeFileSync(join(folder, 'usr/lib/bestday-phone/image/packages'), packages);
  billOfMaterials(folder);
  for (const path of EMPTIED) empty(join(folder, path));
  removeUnneeded(folder);
  mkdirSync(join(folder, 'boot/firmware'), { recursive: true });
  // Neither access nor change times are anybody's; what the build touched carries the time of the sources.
  run('find', [folder, '-newermt', `@${epoch}`, '-exec', 'touch', '--no-dereference', `--date=@${epoch}`, '{}', '+']);
}

/** Of all that the card holds: the package's own, and Debian's packages, whose licences stand in usr/share/doc. */
function billOfMaterials(folder: string): void {
  const own = JSON.parse(readFileSync(join(folder, 'usr/lib/bestday-phone', SBOM_FILE), 'utf8')) as Sbom;
  const format = '--showformat=${Package}\\t${Version}\\t${Architecture}\\n';
  const listed = run('dpkg-query', [`--admindir=${join(folder, 'var/lib/dpkg')}`, '--show', format]);
  writeFileSync(join(folder, 'usr/lib/bestday-phone/image', SBOM_FILE), imageSbom(own, listed));
}

interface Sbom {
  readonly metadata: { readonly component: { readonly version: string } };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses?: readonly { readonly license?: { readonly id: string }; readonly expression?: string }[];
  }[];
}

/** @param listed a line for each of Debian's packages: name, version, architecture, between tabs */
export function imageSbom(own: Sbom, listed: string): string {
  const ours = own.components.map(({ name, version, purl, licenses }) => ({
    name,
    version,
    purl,
    licence: licenses?.[0]?.license?.id ?? licenses?.[0]?.expression ?? '',
  }));
  const debian = listed
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([name]) => name !== '' && name !== 'bestday-phone')
    .map(([name = '', version = '', architecture = '']) => ({
      name,
      version,
      purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`,
      licence: '',
    }));
  return sbomText({ name: 'bestday-phone-image', version: own.metadata.component.version }, [...ours, ...debian]);
}

function configure(folder: string, { board, console, epoch }: RootOptions): void {
  const at = (path: string): string => join(folder, path);
  copyFiles(FILES, folder);
  mkdirSync(at('data'), { recursive: true });
  writeFileSync(at('etc/hostname'), 'bestday-phone\n');
  writeFileSync(at('etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 bestday-phone\n::1 localhost\n');
  // Empty: systemd takes a new one at each start, in memory.
  writeFileSync(at('etc/machine-id'), '');
  rmSync(at('var/lib/dbus/machine-id'), { force: true });
  writeFileSync(
    at('usr/lib/bestday-phone/image/default'),
    defaults(readFileSync(at('etc/default/bestday-phone'), 'utf8'), board),
  );
  for (const [path, target] of Object.entries(LINKS)) link(at(path), target);
  for (const unit of MASKED) link(at(`etc/systemd/system/${unit}`), '/dev/null');
  link(at(GETTY_GENERATOR), '/dev/null');
  if (console) openConsole(at);
  // systemd sets a clock that is behind to this file's time: certificates are checked before the network told the time.
  writeFileSync(at('usr/lib/clock-epoch'), '');
  run('touch', [`--date=@${epoch}`, at('usr/lib/clock-epoch')]);
}

/** Whatever umask the checkout was made under: all may read, only root writes. */
function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      copyFiles(source, target);
      continue;
    }
    cpSync(source, target);
    chmodSync(target, (statSync(source).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** As the package wrote it, for this board. */
export function defaults(written: string, board: string): string {
  return written
    .replace(/^BESTDAY_BOARD=.*$/m, `BESTDAY_BOARD=${board}`)
    .replace(/^BESTDAY_CONTROLS=.*$/m, 'BESTDAY_CONTROLS=gpio');
}

function openConsole(at: (path: string) => string): void {
  rmSync(at(GETTY_GENERATOR));
  const folder = at('etc/systemd/system/serial-getty@.service.d');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'image.conf'),
    '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200 %I $TERM\n',
  );
  rmSync(at('etc/systemd/system/getty.target'));
  link(at('etc/systemd/system/bestday-phone.target.wants/getty.target'), '/usr/lib/systemd/system/getty.target');
}

function link(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

function empty(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  chmodSync(folder, folder.endsWith('tmp') ? 0o1777 : 0o755);
}
