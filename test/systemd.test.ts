import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PhoneStatus } from '../device/src/panel/control-protocol.ts';
import { SystemdContainer } from './lib/systemd-container.ts';

const FOLDER = 'systemd';
const UNITS = readdirSync(FOLDER).filter((name) => /\.(service|timer|target)$/.test(name));
/** Keys that systemd before 254 passes over with a warning. */
const NEWER_KEYS = /Unknown key(?: name)? '(RestartSteps|RestartMaxDelaySec)'/;
/** The lowest that sound, GPIO and V8's compiler allow. */
const MOST_EXPOSED = 1.3;

describe('the units', function () {
  this.timeout(20_000);
  before(function () {
    if (spawnSync('systemd-analyze', ['--version']).status === 0) return;
    console.log('      SKIPPED: systemd-analyze is missing; apt install systemd');
    this.skip();
  });

  for (const unit of UNITS) {
    it(`${unit} is understood by systemd, word for word`, () => {
      const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(FOLDER, unit)], {
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
    it(`${unit} is exposed by ${MOST_EXPOSED} at most`, () => {
      const { stdout } = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', join(FOLDER, unit)],
        { encoding: 'utf8' },
      );
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      assert.ok(exposure <= MOST_EXPOSED, `exposure ${exposure}`);
    });
  }

  it('never give the phone up', () => {
    const service = readFileSync(join(FOLDER, 'bestday-phone.service'), 'utf8');
    assert.match(service, /^Restart=always$/m);
    assert.match(service, /^StartLimitIntervalSec=0$/m);
  });
});

const KEY = 'key-that-must-not-be-seen-0123456789';
const DEFAULTS =
  'BESTDAY_BOARD=virtual\nBESTDAY_CONTROLS=socket\nBESTDAY_AUDIO=null\nBESTDAY_SERVER=wss://127.0.0.1:9/v1\n';

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

  it('shows what its self-test finds', () => {
    container.run('systemctl', 'start', 'bestday-phone-self-test.service');
    assert.equal(container.show('Result', 'bestday-phone-self-test.service'), 'success');
    const { needsHelp, led } = status();
    assert.match(needsHelp.join(), /key and link/);
    assert.equal(led, 'needs-help');
  });
});
