import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../common/src/time/clock.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { ServerError } from '../../src/system/errors.ts';
import { withFileLock } from '../../src/system/file-lock.ts';
import { temporaryFolder } from '../support/live-server.ts';

describe('file lock', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    file = join(folder, 'count');
    await writeFile(file, '0');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const increment = (): Promise<void> =>
    withFileLock(file, systemClock, async () => {
      const count = Number(await readFile(file, 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 1));
      await writeFile(file, String(count + 1));
    });
  const lockOf = (pid: number, host: string): Promise<void> =>
    writeFile(`${file}.lock`, JSON.stringify({ token: 'some-token', pid, host, boot: boot() }));

  it('lets one in at a time, and leaves no file behind', async () => {
    await Promise.all(Array.from({ length: 20 }, increment));
    assert.equal(await readFile(file, 'utf8'), '20');
    assert.deepEqual(await readdir(folder), ['count']);
  });

  it('is taken from an owner that has died, by one of those who wait', async () => {
    await lockOf(spawnSync('true').pid, hostname());
    await Promise.all(Array.from({ length: 20 }, increment));
    assert.equal(await readFile(file, 'utf8'), '20');
    assert.deepEqual(await readdir(folder), ['count']);
  });

  it('is given back when the work fails', async () => {
    await assert.rejects(
      withFileLock(file, systemClock, () => Promise.reject(new Error('work'))),
      /work/,
    );
    assert.ok(!existsSync(`${file}.lock`));
  });

  for (const { name, pid, host } of [
    { name: 'lives', pid: process.pid, host: hostname() },
    { name: 'is on another host, where nobody knows whether it lives', pid: 1, host: 'elsewhere' },
  ]) {
    it(`is left to an owner that ${name}: the error names the file`, async () => {
      await lockOf(pid, host);
      const clock = new VirtualClock();
      let over = false;
      const refused = assert
        .rejects(
          withFileLock(file, clock, () => assert.fail('two owners')),
          (error) => error instanceof ServerError && error.fault === 'locked' && error.message.includes(`${file}.lock`),
        )
        .finally(() => {
          over = true;
        });
      while (!over) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await refused;
      assert.ok(existsSync(`${file}.lock`));
    });
  }
});

function boot(): string {
  return spawnSync('cat', ['/proc/sys/kernel/random/boot_id'], { encoding: 'utf8' }).stdout.trim();
}
