import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boardNames } from '../device/src/settings/board-profile.ts';
import { architectureNamed } from '../scripts/package/architecture.ts';
import { buildDeb } from '../scripts/package/deb.ts';
import { installedParts } from '../scripts/package/parts.ts';
import { layOut } from '../scripts/package/tree.ts';
import { SystemdContainer } from './lib/systemd-container.ts';

const EPOCH = 1_767_225_600;
const OURS = new Map([
  ['x64', 'amd64'],
  ['arm64', 'arm64'],
  ['arm', 'armhf'],
] as const);

/** The package of this machine's own parts; Node itself is left to the system, for it takes a minute to pack. */
describe('the Debian package', function () {
  this.timeout(60_000);
  let folder: string;
  let deb: string;

  const build = (name: string): string => {
    const tree = join(folder, `${name}-tree`);
    layOut(tree, { ...installedParts()!, node: undefined });
    const output = join(folder, `${name}.deb`);
    buildDeb(tree, output, architectureNamed(OURS.get(process.arch as 'x64')!), '9.9.9', EPOCH);
    return output;
  };
  const list = (): string[] => spawnSync('dpkg-deb', ['-c', deb], { encoding: 'utf8' }).stdout.trim().split('\n');

  before(function () {
    const obstacle =
      spawnSync('dpkg-deb', ['--version']).status !== 0
        ? 'dpkg-deb is missing'
        : installedParts() === undefined
          ? 'koffi has no build for this machine'
          : undefined;
    if (obstacle !== undefined) {
      console.log(`      SKIPPED: ${obstacle}`);
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'bestday-deb-'));
    deb = build('first');
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('is the same twice, byte for byte', () => {
    assert.ok(readFileSync(build('second')).equals(readFileSync(deb)));
  });

  it('belongs to root, and nobody else may write to it', () => {
    for (const line of list()) assert.match(line, /^[d-]rwxr-xr-x root\/root|^-rw-r--r-- root\/root/, line);
  });

  it('holds the programs, every board, the units and the manual', () => {
    const names = list().map((line) => line.split(/\s+/)[5]!);
    const wanted = [
      'bin/bestday-phone',
      'lib/bestday-phone/dist/bestday-phone.cjs',
      'lib/bestday-phone/dist/audio-child.cjs',
      'lib/systemd/system/bestday-phone.service',
      'lib/systemd/system/bestday-phone.target',
      'lib/udev/rules.d/60-bestday-phone.rules',
      'lib/sysusers.d/bestday-phone.conf',
      'share/man/man1/bestday-phone.1.gz',
      'share/doc/bestday-phone/copyright',
      ...boardNames().map((board) => `lib/bestday-phone/hardware/profiles/${board}/profile.json`),
    ];
    for (const name of wanted) assert.ok(names.includes(`./usr/${name}`), name);
    assert.deepEqual(
      names.filter((name) => /test|\.ts$|bestday-server|\.key$|\.pem$/.test(name) && !/self-test/.test(name)),
      [],
    );
  });

  it('guesses the profile of each board by the model that the board names', () => {
    const control = join(folder, 'control');
    spawnSync('dpkg-deb', ['-e', deb, control]);
    const guess = /^board\(\) \{\n[^]*?^\}$/m.exec(readFileSync(join(control, 'postinst'), 'utf8'))![0];
    const MODELS: readonly (readonly [string, string])[] = [
      ['Raspberry Pi Zero 2 W Rev 1.0', 'pi-zero-2w-usb'],
      ['Raspberry Pi 3 Model B Plus Rev 1.3', 'pi-3b-plus-usb'],
      ['Raspberry Pi 4 Model B Rev 1.5', 'pi-4-usb'],
      ['Raspberry Pi 5 Model B Rev 1.0', 'pi-5-usb'],
      ['Standard PC', 'virtual'],
    ];
    for (const [model, profile] of MODELS) {
      const script = `cat() { printf '${model}'; }\n${guess}\nboard`;
      assert.equal(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.trim(), profile, model);
    }
  });

  it('names every part of others in it, and holds the text of its licence', () => {
    const at = (name: string): string => readFileSync(join(folder, 'first-tree/usr/lib/bestday-phone', name), 'utf8');
    const { components } = JSON.parse(at('sbom.cdx.json')) as { components: { name: string }[] };
    const names = components.map(({ name }) => name);
    for (const name of [
      'ws',
      'zod',
      'winston',
      'conf',
      'libopus-wasm',
      'koffi',
      `@koromix/koffi-linux-${process.arch}`,
    ]) {
      assert.ok(names.includes(name), name);
      assert.match(at('THIRD-PARTY-NOTICES.txt'), new RegExp(`^${name} \\d+\\.\\S+ \\([^)]+\\)$`, 'm'));
    }
    // The server's stay behind with it.
    assert.deepEqual(
      names.filter((name) => ['openai', '@redis/client', 'prom-client'].includes(name)),
      [],
    );
  });

  it('says what it is and what it needs', () => {
    const { stdout } = spawnSync('dpkg-deb', ['-f', deb], { encoding: 'utf8' });
    assert.match(stdout, /^Version: 9\.9\.9$/m);
    assert.match(stdout, /^Depends: .*alsa-utils.*iproute2/m);
  });

  it('installs, and a phone stands ready that waits for its identity; purged, nothing of it is left', async function () {
    const obstacle = SystemdContainer.obstacle();
    if (obstacle !== undefined) {
      console.log(`      SKIPPED: ${obstacle}`);
      this.skip();
    }
    const container = await SystemdContainer.boot({ bare: true, files: { '/opt/phone.deb': readFileSync(deb) } });
    try {
      // Machines that build software often forbid services to start; a phone does not. Manuals are indexed elsewhere.
      container.run('rm', '-f', '/usr/sbin/policy-rc.d');
      container.run('dpkg', '--install', '--force-depends', '--no-triggers', '/opt/phone.deb');
      await container.until('the phone is up', () => container.show('ActiveState') === 'active', 10_000);
      assert.match(container.run('sh', '-c', 'bestday-phone status || true'), /^NEEDS HELP +deviceId is set nowhere/m);
      container.run(
        'sh',
        '-c',
        'umask 77; echo 11111111-2222-4333-8444-555555555555 > /etc/credstore/phone.device-id; echo 0123456789abcdef > /etc/credstore/phone.api-key',
      );
      container.run('systemctl', 'restart', 'bestday-phone.service');
      await container.until('the phone is ready', () => container.show('StatusText').startsWith('ready'), 10_000);
      assert.match(container.run('bestday-phone', 'status'), /^health +good/m);
      container.run('bestday-phone', 'config', 'set', 'language', 'de');
      container.run('systemctl', 'restart', 'bestday-phone.service');
      assert.match(
        container.run('systemctl', 'is-enabled', 'bestday-phone.service', 'bestday-phone-self-test.timer'),
        /^enabled\nenabled$/,
      );
      container.run('dpkg', '--purge', '--no-triggers', 'bestday-phone');
      assert.equal(
        container.run(
          'sh',
          '-c',
          'ls -d /usr/lib/bestday-phone /etc/default/bestday-phone /var/lib/bestday-phone /run/bestday-phone 2>/dev/null || true',
        ),
        '',
      );
    } finally {
      container.stop();
    }
  });
});

describe('the parts of a package', () => {
  it('are refused for a machine that is not served', () =>
    assert.throws(() => architectureNamed('mips'), /arm64, amd64, armhf/));

  it('run Node by one path, whoever brings it', () => {
    const tree = mkdtempSync(join(tmpdir(), 'bestday-tree-'));
    try {
      const node = join(tree, 'node');
      writeFileSync(node, '#!/bin/sh\n');
      const parts = installedParts();
      if (parts === undefined) return;
      layOut(join(tree, 'with'), { ...parts, node });
      layOut(join(tree, 'without'), { ...parts, node: undefined });
      const program = (which: string): string =>
        readFileSync(join(tree, which, 'usr/lib/bestday-phone/bin/node'), 'utf8');
      assert.deepEqual([program('with'), program('without')], ['#!/bin/sh\n', '#!/bin/sh\nexec /usr/bin/node "$@"\n']);
    } finally {
      rmSync(tree, { recursive: true });
    }
  });
});
