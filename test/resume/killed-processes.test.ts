import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { freePort, RedisServer } from '../lib/redis-server.ts';
import { inMidAnswer, through } from './scenarios.ts';
import { Site } from '../lib/resume/site.ts';

/** Processes start slowly on a busy machine. */
const LIMIT_MS = 60_000;

describe('a server of two processes, both killed in mid-answer', function () {
  this.timeout(LIMIT_MS);
  let site: Site;
  let redis: RedisServer;

  before(async function () {
    if (!RedisServer.available()) {
      console.error('    redis-server is not installed: skipped');
      this.skip();
    }
    redis = await RedisServer.start();
    site = new Site();
  });
  after(async () => {
    await site?.close();
    await redis?.kill();
  });

  it('each phone resumes with a process that took their place, and its answer goes on without a frame lost', async () => {
    const server = await site.server(['--store', redis.url, '--processes', '2', '--port', String(await freePort())]);
    const phones = [site.phone(server), site.phone(server)];
    await Promise.all(phones.map(inMidAnswer));
    const processes = childrenOf(server.process.pid!);
    assert.equal(processes.length, 2);
    const resumed = phones.map((phone) => through(phone, () => {}));
    for (const process_ of processes) process.kill(process_, 'SIGKILL');
    await Promise.all(resumed);
    for (const phone of phones) {
      const { reconnects, frames } = phone.report();
      assert.ok(
        reconnects.length >= 1 && reconnects.every((reconnect) => reconnect.resumed),
        JSON.stringify(reconnects),
      );
      assert.equal(frames.concealed, 0);
    }
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((child) => child !== '')
    .map(Number);
}
