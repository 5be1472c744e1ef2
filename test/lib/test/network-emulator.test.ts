import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmulator } from '../network/emulator.ts';
import type { EmulatorStatistics } from '../network/emulator.ts';
import { inside, missingForNetwork, openNamespaces, removeLeftovers } from '../network/namespaces.ts';
import type { Namespaces } from '../network/namespaces.ts';

/**
 * Real packets through real TUN devices. About four seconds. On a busy machine the probe is late, so times it measures
 * are only ever held to be long enough; what the emulator did is in its own statistics.
 */

const PROBE = fileURLToPath(new URL('udp-probe.py', import.meta.url));

describe('the network emulator', function () {
  this.timeout(20_000);
  let namespaces: Namespaces;
  let echo: ChildProcess;
  let folder: string;

  before(async function () {
    const missing = missingForNetwork();
    if (missing !== undefined) {
      process.stdout.write(`      skipped: ${missing}\n`);
      return this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'bestday-emulator-'));
    namespaces = openNamespaces('cubic');
    echo = spawnInside(namespaces.server, [PROBE, 'echo']);
    await once(echo.stdout!, 'data');
  });

  after(() => {
    echo?.kill('SIGKILL');
    namespaces?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('delays and loses in each direction what it was told to, the same for the same seed', async () => {
    const flags = ['--delay-ms', '30', '--loss', '5', '--down-loss', '0', '--seed', '7'];
    const first = await probe(flags, 300, 0.2);
    const second = await probe(flags, 300, 0.2);
    const lost = first.roundTripsMs.filter((each) => each === null).length;
    assert.ok(lost >= 5 && lost <= 30, `${lost} of 300 lost, wanted about 15`);
    assert.deepEqual([first.statistics.up.lost, first.statistics.down.lost], [lost, 0]);
    assert.deepEqual(
      first.roundTripsMs.map((each) => each === null),
      second.roundTripsMs.map((each) => each === null),
    );
    assert.deepEqual([first.statistics.up.meanDelayMs, first.statistics.down.meanDelayMs], [30, 30]);
    assert.ok(least(first.roundTripsMs) >= 60, `round trip ${least(first.roundTripsMs)} ms`);
  });

  it('stalls, and hands on in order what waited', async () => {
    const { roundTripsMs, statistics } = await probe(['--up-stall-ms', '100', '--up-stall-every-ms', '400'], 150, 4);
    assert.ok(most(roundTripsMs) >= 50, `longest round trip ${most(roundTripsMs)} ms`);
    // A quarter of the time, and on average half of a stall.
    assert.ok(near(statistics.up.meanDelayMs, 2, 50), `${statistics.up.meanDelayMs} ms`);
    assert.equal(statistics.up.tx, statistics.up.rx);
  });

  it('lets no more through a bottleneck than it takes, and drops what its queue cannot hold', async () => {
    // 100 packets of 500 + 28 bytes at once are 2.1 s of this line; the queue holds 5 KiB, 205 ms of it.
    const { roundTripsMs, statistics } = await probe(['--up-rate-kbit', '200', '--up-queue-kb', '5'], 100, 0, 500);
    const passed = roundTripsMs.filter((each) => each !== null).length;
    assert.equal(statistics.up.overflow, 100 - passed);
    assert.ok(passed >= 9 && statistics.up.overflow > 0, `${passed} of 100 passed`);
    assert.ok(most(roundTripsMs) >= 150, 'the last one waited for a full queue');
  });

  it('follows a trace of delays from a file', async () => {
    const trace = join(folder, 'trace.txt');
    writeFileSync(trace, '0\n0\n0\n0\n0\n80\n80\n80\n80\n80\n');
    const { roundTripsMs, statistics } = await probe(['--up-trace', trace], 200, 2);
    assert.ok(most(roundTripsMs) >= 80);
    assert.ok(near(statistics.up.meanDelayMs, 10, 75), `${statistics.up.meanDelayMs} ms`);
  });

  for (const { flags, says } of [
    { flags: ['--loss', '101'], says: /--loss is 0 to 100 percent/ },
    { flags: ['--trace', '/nowhere'], says: /--trace \/nowhere: .*No such file/ },
    { flags: ['--stall-ms', '6000'], says: /--stall-ms must be less/ },
  ])
    it(`refuses ${flags.join(' ')}`, () => assert.rejects(startEmulator(namespaces, flags), says));

  it('removes what a killed run left behind, and nothing of a run under way', () => {
    const dead = `bestday-${deadPid()}-1-phone`;
    spawnSync('ip', ['netns', 'add', dead]);
    const straggler = spawn('ip', ['netns', 'exec', dead, 'sleep', '60'], { stdio: 'ignore' });
    const ended = once(straggler, 'exit');
    while (spawnSync('ip', ['netns', 'pids', dead], { encoding: 'utf8' }).stdout.trim() === '');
    assert.deepEqual(
      removeLeftovers().filter((name) => name === dead),
      [dead],
    );
    assert.match(spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout, new RegExp(namespaces.phone));
    return ended;
  });

  async function probe(
    flags: string[],
    packets: number,
    intervalMs: number,
    bytes = 100,
  ): Promise<{ roundTripsMs: (number | null)[]; statistics: EmulatorStatistics }> {
    const emulator = await startEmulator(namespaces, flags);
    const sender = spawnInside(namespaces.phone, [PROBE, 'send', String(packets), String(intervalMs), String(bytes)]);
    let output = '';
    sender.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(sender, 'close');
    const statistics = await emulator.stop();
    return { ...(JSON.parse(output) as { roundTripsMs: (number | null)[] }), statistics };
  }
});

function spawnInside(namespace: string, args: string[]): ChildProcess {
  const [command, ...before] = inside(namespace);
  return spawn(command!, [...before, 'python3', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function near(value: number, from: number, to: number): boolean {
  return value >= from && value <= to;
}

function most(values: readonly (number | null)[]): number {
  return Math.max(...values.map((each) => each ?? 0));
}

function least(values: readonly (number | null)[]): number {
  return Math.min(...values.map((each) => each ?? Infinity));
}

/** Of a process that has just ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}
