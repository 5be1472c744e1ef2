import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../common/src/time/clock.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import type { Log, LogFields } from '../../../common/src/system/log.ts';
import { SystemNetworkWatch, tellsOfReturn, watchAfterStart } from '../../src/connection/network-watch.ts';

describe('a line of `ip -o monitor`', () => {
  /** As iproute2 6.1 prints them. */
  const lines: readonly (readonly [string, string, boolean])[] = [
    [
      'an IPv4 address that came',
      '3: wlan0    inet 192.168.1.20/24 brd 192.168.1.255 scope global dynamic wlan0\\       valid_lft 86400sec',
      true,
    ],
    [
      'an IPv6 address that came',
      '3: wlan0    inet6 2001:db8::20/64 scope global dynamic mngtmpaddr \\       valid_lft 86400sec',
      true,
    ],
    [
      'an IPv6 address that is still being tried',
      '3: wlan0    inet6 2001:db8::20/64 scope global tentative \\       valid_lft forever',
      false,
    ],
    [
      'an IPv6 address that another has',
      '3: wlan0    inet6 2001:db8::20/64 scope global dadfailed tentative \\       valid_lft forever',
      false,
    ],
    [
      'an IPv6 address of the link alone',
      '3: wlan0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever',
      false,
    ],
    [
      'an address that went',
      'Deleted 3: wlan0    inet 192.168.1.20/24 brd 192.168.1.255 scope global dynamic wlan0',
      false,
    ],
    ['an address of the loopback', '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever', false],
    ['a default route that came', 'default via 192.168.1.1 dev wlan0 proto dhcp metric 600 ', true],
    ['a default route that went', 'Deleted default via 192.168.1.1 dev wlan0 proto dhcp metric 600 ', false],
    ['a route that is no way out', '192.168.1.0/24 dev wlan0 proto kernel scope link src 192.168.1.20 ', false],
    ['a local route', 'local 192.168.1.20 dev wlan0 table local proto kernel scope host src 192.168.1.20 ', false],
    [
      'a link with a carrier',
      '3: wlan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP group default \\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff',
      true,
    ],
    [
      'a link without a carrier',
      '3: wlan0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc mq state DOWN group default \\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff',
      false,
    ],
    [
      'a link that went',
      'Deleted 3: wlan0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default ',
      false,
    ],
    [
      'the loopback link',
      '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default \\    link/loopback 00:00:00:00:00:00',
      false,
    ],
    ['the end of the output', '', false],
  ];
  for (const [what, line, tells] of lines)
    it(`with ${what} ${tells ? 'tells' : 'does not tell'} of a return`, () => assert.equal(tellsOfReturn(line), tells));
});

describe('the watch on the network interface', () => {
  it('does without `ip`, and says so', async () => {
    const said: LogFields[] = [];
    const log: Log = {
      ...silentLog,
      info: (_event, fields) => {
        said.push(fields ?? {});
      },
    };
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    const watch = new SystemNetworkWatch(systemClock, log);
    try {
      watch.start(() => {});
      await until(() => said.length > 0);
    } finally {
      process.env['PATH'] = path;
      watch.stop();
    }
    assert.deepEqual(said, [{ source: 'poll', why: 'ENOENT' }]);
  });

  it('says nothing after it was stopped', async () => {
    const said: string[] = [];
    const watch = new SystemNetworkWatch(systemClock, {
      ...silentLog,
      info: (event) => {
        said.push(event);
      },
    });
    watch.start(() => {});
    watch.stop();
    await sleep(100);
    assert.deepEqual(said, []);
  });

  describe('on a real interface', () => {
    /** A namespace of its own, so that nothing else of the machine is disturbed, or disturbs. */
    const space = `bestday-watch-${process.pid}`;
    const path = process.env['PATH'];
    let folder: string | undefined;
    let watch: SystemNetworkWatch;
    let returns: number[];
    const ip = (...args: string[]): number | null => run('ip', '-n', space, ...args);

    before(function () {
      const made =
        process.getuid?.() === 0 &&
        run('ip', 'netns', 'add', space) === 0 &&
        ip('link', 'add', 'phone', 'type', 'veth', 'peer', 'name', 'router') === 0;
      if (!made) {
        console.error('      needs root, iproute2 and the right to make a network namespace: skipped');
        this.skip();
      }
      // The watch's `ip` listens in there; this process stays outside.
      folder = mkdtempSync(join(tmpdir(), 'bestday-watch-'));
      writeFileSync(join(folder, 'ip'), `#!/bin/sh\nPATH='${path}' exec ip netns exec ${space} ip "$@"\n`, {
        mode: 0o755,
      });
      process.env['PATH'] = `${folder}:${path}`;
    });
    after(() => {
      process.env['PATH'] = path;
      run('ip', 'netns', 'delete', space);
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });
    beforeEach(async () => {
      ip('link', 'set', 'phone', 'down');
      ip('link', 'set', 'router', 'up');
      await sleep(150);
      returns = [];
      watch = new SystemNetworkWatch(systemClock, silentLog);
      watch.start(() => returns.push(systemClock.now()));
      // Until `ip` listens.
      await sleep(150);
    });
    afterEach(() => watch?.stop());

    it('reports a cable that was plugged in, once, within a quarter of a second', async () => {
      const pluggedMs = systemClock.now();
      ip('link', 'set', 'phone', 'up');
      await until(() => returns.length > 0);
      assert.ok(returns[0]! - pluggedMs < 250, `after ${Math.round(returns[0]! - pluggedMs)} ms`);
    });

    it('reports an address that came', async () => {
      ip('link', 'set', 'phone', 'up');
      await until(() => returns.length > 0);
      await sleep(150);
      const before = returns.length;
      ip('address', 'add', '198.18.77.1/30', 'dev', 'phone');
      await until(() => returns.length > before);
    });

    it('reports nothing when the cable is pulled out', async () => {
      ip('link', 'set', 'phone', 'up');
      await until(() => returns.length > 0);
      await sleep(300);
      const before = returns.length;
      ip('link', 'set', 'phone', 'down');
      await sleep(300);
      assert.equal(returns.length, before);
    });
  });
});

describe('a watch after the start', () => {
  it('begins a little later', () => {
    const { clock, watch, events } = withWatch();
    watch.start(() => events.push('up'));
    assert.deepEqual(events, []);
    clock.advance(1_000);
    assert.deepEqual(events, ['started', 'up']);
  });

  it('does not begin once it was stopped', () => {
    const { clock, watch, events } = withWatch();
    watch.start(() => {});
    watch.stop();
    clock.advance(1_000);
    assert.deepEqual(events, ['stopped']);
  });
});

function withWatch() {
  const clock = new VirtualClock();
  const events: string[] = [];
  const watch = watchAfterStart(clock, {
    start: (up) => {
      events.push('started');
      up();
    },
    stop: () => {
      events.push('stopped');
    },
  });
  return { clock, watch, events };
}

function run(command: string, ...args: string[]): number | null {
  return spawnSync(command, args, { stdio: 'ignore' }).status;
}

async function until(holds: () => boolean): Promise<void> {
  const limitMs = systemClock.now() + 5_000;
  while (!holds()) {
    if (systemClock.now() > limitMs) throw new Error('it never came');
    await sleep(5);
  }
}
