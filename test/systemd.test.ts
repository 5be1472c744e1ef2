import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PhoneStatus } from '../device/src/panel/control-protocol.ts';
import { SystemdContainer } from './lib/systemd-container.ts';

const FOLDER = 'systemd';
/** The package's, and those that only the image has. */
const UNITS = [FOLDER, 'scripts/image/root/usr/lib/systemd/system'].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /\.(service|timer|target)$/.test(name))
    .map((name) => join(folder, name)),
);
/** Keys that systemd before 254 passes over with a warning. */
const NEWER_KEYS = /Unknown key(?: name)? '(RestartSteps|RestartMaxDelaySec)'/;
/** The lowest that sound, GPIO and V8's compiler allow. */
const MOST_EXPOSED = 1.3;
/**
 * What mounts for the whole machine is root with CAP_SYS_ADMIN, and can have no mount namespace of its own: nothing that
 * protects /proc, /sys or /dev, and no network namespace.
 */
const MOUNTERS: Readonly<Record<string, number>> = {
  'bestday-phone-data.service': 3.3,
  'bestday-phone-support-card.service': 3.4,
};

describe('the units', function () {
  this.timeout(20_000);
  before(function () {
    if (spawnSync('systemd-analyze', ['--version']).status === 0) return;
    console.log('      SKIPPED: systemd-analyze is missing; apt install systemd');
    this.skip();
  });

  for (const unit of UNITS) {
    it(`${unit} is understood by systemd, word for word`, () => {
      const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
        encoding: 'utf8',
        env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' },
      });
      // The phone is not installed on this machine; that its programs are where the package puts them, the container shows.
      const faults = stderr
        .split('\n')
        .filter(
          (line) =>
            line !== '' &&
            !NEWER_KEYS.test(line) &&
            !/is not executable: No such file/.test(line) &&
            line.includes('bestday'),
        );
      assert.deepEqual(faults, []);
    });
  }

  for (const unit of UNITS.filter((name) => name.endsWith('.service'))) {
    const most = MOUNTERS[basename(unit)] ?? MOST_EXPOSED;
    it(`${unit} is exposed by ${most} at most`, () => {
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
        encoding: 'utf8',
      });
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      assert.ok(exposure <= most, `exposure ${exposure}`);
    });

    it(`${unit} runs Node as it is installed, whatever its environment says`, () => {
      const text = readFileSync(unit, 'utf8');
      if (!/^Exec\w+=.*(bin\/node|usr\/bin\/bestday-phone)/m.test(text)) return;
      const unset = /^UnsetEnvironment=(.*)$/m.exec(text)?.[1]?.split(' ');
      assert.deepEqual(unset, ['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS']);
    });
  }

  it('never give the phone up', () => {
    const service = readFileSync(join(FOLDER, 'bestday-phone.service'), 'utf8');
    assert.match(service, /^Restart=always$/m);
    assert.match(service, /^StartLimitIntervalSec=0$/m);
  });
});

/** What the image's `data` does on a card, in a folder: it may not touch this machine's disks. */
const MOUNTS = [
  'set -e; PATH=$$PATH:/usr/sbin:/sbin; cd /run',
  'mkdir -p of-data/memory of-data/seen; mount -t tmpfs tmpfs of-data/memory',
  'truncate -s 8M of-data/memory/disk; mkfs.ext4 -q -F of-data/memory/disk; e2fsck -f -p of-data/memory/disk',
  'install -d -m 0700 of-data/memory/private; chmod 0750 of-data/memory/private',
  'mount --bind of-data/memory/private of-data/seen; mount -o remount,ro of-data/memory; sync',
].join('; ');

const KEY = 'key-that-must-not-be-seen-0123456789';
const DEFAULTS =
  'BESTDAY_BOARD=virtual\nBESTDAY_CONTROLS=socket\nBESTDAY_AUDIO=null\nBESTDAY_SERVER=wss://127.0.0.1:9/v1\n' +
  // Neither is heeded: what stands in the file is no program, and Node starts as it was installed.
  'IGNORED=$(touch /run/was-run)\nNODE_OPTIONS=--require=/run/nothing.cjs\n';

describe('the service under a real systemd', function () {
  this.timeout(60_000);
  let container: SystemdContainer;
  const status = (): PhoneStatus =>
    JSON.parse(container.run('sh', '-c', 'bestday-phone status --json || true')) as PhoneStatus;
  const pid = (): number => Number(container.show('MainPID'));
  const isReady = (): boolean =>
    container.show('ActiveState') === 'active' && container.show('StatusText').startsWith('ready');

  before(async function () {
    const obstacle = SystemdContainer.obstacle();
    if (obstacle !== undefined) {
      console.log(`      SKIPPED: ${obstacle}`);
      this.skip();
    }
    container = await SystemdContainer.boot({
      files: {
        '/etc/default/bestday-phone': DEFAULTS,
        '/etc/systemd/system/bestday-phone.service.d/quick.conf': '[Service]\nWatchdogSec=2\n',
        '/etc/systemd/system/bestday-phone-data.service': readFileSync(
          'scripts/image/root/usr/lib/systemd/system/bestday-phone-data.service',
        ),
        '/etc/systemd/system/bestday-phone-data.service.d/mounts.conf': `[Service]\nExecStart=\nExecStart=/bin/sh -c '${MOUNTS}'\n`,
      },
      credentials: { 'phone.api-key': KEY, 'phone.device-id': '11111111-2222-4333-8444-555555555555' },
    });
    await container.until('the phone is ready', isReady, 10_000);
  });
  after(() => container?.stop());

  it('says that it is ready, and answers', () => {
    const { phase, controls, board, needsHelp } = status();
    assert.deepEqual([phase, controls, board, needsHelp], ['idle', 'socket', 'virtual', []]);
  });

  it('has its identity from credentials, and shows the key nowhere', () => {
    const main = pid();
    for (const file of ['environ', 'cmdline']) assert.ok(!container.run('cat', `/proc/${main}/${file}`).includes(KEY));
    assert.ok(!container.run('journalctl', '--no-pager').includes(KEY));
  });

  it('is no root, has no capability, and is sieved', () => {
    const state = container.run('cat', `/proc/${pid()}/status`);
    assert.doesNotMatch(state, /^Uid:\s+0\s/m);
    assert.match(state, /^CapEff:\s+0+$/m);
    assert.match(state, /^NoNewPrivs:\s+1$/m);
    assert.match(state, /^Seccomp:\s+2$/m);
  });

  it('is back and ready in under 3 s when it is killed', async () => {
    const before_ = pid();
    container.run('kill', '-KILL', String(before_));
    const tookMs = await container.until('the phone is back', () => pid() !== before_ && isReady(), 10_000);
    assert.ok(tookMs < 3_000, `${tookMs} ms`);
  });

  it('is restarted by the watchdog when it hangs', async () => {
    const before_ = pid();
    container.run('kill', '-STOP', String(before_));
    await container.until('the watchdog bites', () => pid() !== before_ && isReady(), 20_000);
    assert.match(container.run('journalctl', '--no-pager', '-u', 'bestday-phone.service'), /[Ww]atchdog timeout/);
  });

  it('stays up while it is healthy', async () => {
    const before_ = pid();
    await new Promise((resolve) => {
      setTimeout(resolve, 3_000);
    });
    assert.equal(pid(), before_);
  });

  it('keeps what is turned over a restart', async () => {
    container.run('bestday-phone', 'volume', '2');
    container.run('systemctl', 'restart', 'bestday-phone.service');
    await container.until('the phone is back', isReady, 10_000);
    assert.equal(status().volume, 2);
  });

  it("is asked by root with its user's rights, and its file of variables is not run", () => {
    container.run('bestday-phone', 'config', 'set', 'language', 'de');
    const owner = container.run('stat', '-c', '%u %a', '/var/lib/private/bestday-phone/settings.json');
    const daemon = container.run('stat', '-c', '%u', `/proc/${pid()}`);
    assert.equal(owner, `${daemon} 600`);
    assert.notEqual(daemon, '0');
    container.run('sh', '-c', 'echo "{}" > /run/of-root.json; chmod 600 /run/of-root.json');
    assert.match(
      container.run('sh', '-c', 'bestday-phone config list --settings-file /run/of-root.json 2>&1'),
      /of-root\.json cannot be read \(EACCES\)/,
    );
    assert.equal(container.run('sh', '-c', 'ls /run/was-run 2>/dev/null || true'), '');
  });

  it("writes a support bundle where root says, as the service's user sees things", () => {
    container.run('sh', '-c', 'cd /run && bestday-phone support-bundle --output /run/bundle.txt');
    assert.equal(container.run('stat', '-c', '%u %a', '/run/bundle.txt'), '0 600');
    const text = container.run('cat', '/run/bundle.txt');
    assert.match(text, /==== settings[^]*language +de/);
    assert.match(text, /==== log[^]*listening/);
    assert.ok(!text.includes(KEY));
  });

  it("lets the image's data service mount for everybody, check and format", () => {
    container.run('systemctl', 'start', 'bestday-phone-data.service');
    const mounted = container.run('findmnt', '--noheadings', '--raw', '--output', 'TARGET,FSTYPE,OPTIONS');
    assert.match(mounted, /^\/run\/of-data\/memory tmpfs ro/m);
    assert.match(mounted, /^\/run\/of-data\/seen tmpfs/m);
  });

  it('takes an identity from the boot partition, once, and wipes it there', () => {
    container.run(
      'sh',
      '-c',
      `mkdir -p /boot/bestday /etc/credstore; cd /boot/bestday; echo ${KEY} > phone.api-key; cat /etc/default/bestday-phone > default; umount /etc/default/bestday-phone`,
    );
    container.run('systemctl', 'restart', 'bestday-phone-provision.service');
    assert.equal(
      container.run(
        'sh',
        '-c',
        'ls -d /boot/bestday 2>/dev/null; stat -c %a /etc/credstore/phone.api-key; cat /etc/credstore/phone.api-key /etc/default/bestday-phone',
      ),
      `600\n${KEY}\n${DEFAULTS.trim()}`,
    );
  });

  for (const [name, value] of [
    ['BESTDAY_BOARD', 'pi4'],
    ['BESTDAY_SERVER', 'http://foo'],
    ['BESTDAY_CONTROLS', 'hands'],
  ] as const) {
    it(`waits with a lamp and a reason, and does not restart over and over, with ${name}=${value}`, async () => {
      container.run(
        'sh',
        '-c',
        `cp /etc/default/bestday-phone /run/defaults; echo ${name}=${value} >> /etc/default/bestday-phone; systemctl restart bestday-phone.service`,
      );
      const main = pid();
      await new Promise((resolve) => {
        setTimeout(resolve, 3_000);
      });
      assert.equal(pid(), main);
      assert.match(status().needsHelp.join(), new RegExp(`"${value}" \\(from ${name}\\) is not allowed`));
      assert.equal(status().led, 'needs-help');
      assert.match(container.run('sh', '-c', 'bestday-phone support-bundle --output -'), new RegExp(`"${value}"`));
      container.run('sh', '-c', 'cat /run/defaults > /etc/default/bestday-phone');
      container.run('systemctl', 'restart', 'bestday-phone.service');
      await container.until('the phone is ready again', isReady, 10_000);
    });
  }

  it('shows what its self-test finds', () => {
    container.run('systemctl', 'start', 'bestday-phone-self-test.service');
    assert.equal(container.show('Result', 'bestday-phone-self-test.service'), 'success');
    const { needsHelp, led } = status();
    assert.match(needsHelp.join(), /key and link/);
    assert.equal(led, 'needs-help');
  });
});
