import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { Health } from '../../src/panel/health.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { prometheusText } from '../../src/panel/prometheus.ts';
import { ServiceNotifier, systemdNotify, unixAddress, watchdogMs } from '../../src/panel/systemd.ts';
import { loadKoffi } from '../../../common/src/system/native-library.ts';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';

describe('health', () => {
  it('is good while a loop that is not expected stands still', () => {
    const clock = new VirtualClock();
    const health = new Health(clock);
    health.loop('sound', 5_000);
    clock.advance(60_000);
    assert.deepEqual(health.stalled, []);
  });

  it('counts from the moment a loop is expected', () => {
    const clock = new VirtualClock();
    const health = new Health(clock);
    const loop = health.loop('sound', 5_000);
    clock.advance(60_000);
    loop.expect(true);
    clock.advance(5_000);
    assert.deepEqual(health.stalled, []);
    clock.advance(1);
    assert.deepEqual(health.stalled, ['sound']);
    loop.beat();
    assert.deepEqual(health.stalled, []);
    clock.advance(9_000);
    loop.expect(false);
    assert.deepEqual(health.stalled, []);
  });
});

describe('the watchdog', () => {
  it('is fed three times in its time while all is well, and not while a loop stands still', () => {
    const clock = new VirtualClock();
    const health = new Health(clock);
    const loop = health.loop('network', 6_000);
    const sent: [number, string][] = [];
    const notifier = new ServiceNotifier((state) => sent.push([clock.now(), state]), clock, health, silentLog, 9_000);
    loop.expect(true);
    clock.advance(15_000);
    loop.beat();
    clock.advance(3_000);
    notifier.stopping();
    clock.advance(60_000);
    assert.deepEqual(sent, [
      [3_000, 'WATCHDOG=1'],
      [6_000, 'WATCHDOG=1'],
      [9_000, 'STATUS=stalled: network'],
      [18_000, 'WATCHDOG=1'],
      [18_000, 'STOPPING=1'],
    ]);
  });

  for (const [env, ms] of [
    [{ WATCHDOG_USEC: '10000000' }, 10_000],
    [{ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '42' }, 10_000],
    [{ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '43' }, undefined],
    [{}, undefined],
    [{ WATCHDOG_USEC: 'x' }, undefined],
  ] as const) {
    it(`is ${ms ?? 'none'} for ${JSON.stringify(env)}`, () => assert.equal(watchdogMs(env, 42), ms));
  }
});

describe('the way to systemd', () => {
  it('is a datagram to the named socket', function () {
    const koffi = loadKoffi();
    if (koffi === undefined) {
      console.log('      SKIPPED: koffi is not installed');
      this.skip();
    }
    const folder = new TemporaryFolder();
    try {
      const libc = koffi.load('libc.so.6');
      const address = unixAddress(folder.at('notify'));
      const socket = Number(libc.func('int socket(int domain, int type, int protocol)')(1, 2, 0));
      assert.equal(
        libc.func('int bind(int fd, const void *address, unsigned int size)')(socket, address, address.length),
        0,
      );
      systemdNotify({ NOTIFY_SOCKET: folder.at('notify') })!('STATUS=grüezi');
      const got = Buffer.alloc(64);
      const length = Number(
        libc.func('long recv(int fd, void *data, size_t size, int flags)')(socket, got, got.length, 0x40),
      );
      assert.equal(got.toString('utf8', 0, length), 'STATUS=grüezi');
    } finally {
      folder.remove();
    }
  });

  it('spells abstract names as the kernel does', () =>
    assert.deepEqual(unixAddress('@ab'), Buffer.from([1, 0, 0, 97, 98])));

  for (const env of [
    {},
    { NOTIFY_SOCKET: '' },
    { NOTIFY_SOCKET: 'relative' },
    { NOTIFY_SOCKET: `/${'x'.repeat(200)}` },
  ]) {
    it(`is none for ${JSON.stringify(env).slice(0, 40)}`, () => assert.equal(systemdNotify(env), undefined));
  }
});

describe('the metrics', () => {
  it('are Prometheus text, with what must be quoted quoted', () => {
    const text = prometheusText([
      {
        name: 'calls_total',
        type: 'counter',
        help: 'Ended calls.',
        samples: [{ labels: { reason: 'a"b\\c\nd' }, value: 3 }, { value: 0.5 }],
      },
    ]);
    assert.equal(
      text,
      '# HELP bestday_phone_calls_total Ended calls.\n# TYPE bestday_phone_calls_total counter\nbestday_phone_calls_total{reason="a\\"b\\\\c\\nd"} 3\nbestday_phone_calls_total 0.5\n',
    );
  });
});
