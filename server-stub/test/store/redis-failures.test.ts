import assert from 'node:assert/strict';
import { RedisServer } from '../../../test/lib/redis-server.ts';
import { StoreError } from '../../src/store/redis-store.ts';
import { anybody, conversation, frame, frames, nobodyLost } from './conversations.ts';
import { RedisProcess, until } from './shared-stores.ts';

const FIRST = conversation('').downlink.firstSequence;

/** Conversations go on whatever becomes of Redis; these show what becomes of resuming them elsewhere. */
describe('conversations while Redis fails', () => {
  let redis: RedisServer;
  const processes: RedisProcess[] = [];
  const start = async (password?: string): Promise<RedisProcess> => {
    const process = await RedisProcess.start(redis, password);
    processes.push(process);
    return process;
  };
  const unreachable = ({ log }: RedisProcess): string[] => log.filter((line) => line.startsWith('store.unreachable'));
  const claimable = async (process: RedisProcess): Promise<Uint8Array[]> => [
    ...(await process.store.claim('c1', anybody, () => {}))!.frames,
  ];

  before(function () {
    if (RedisServer.available()) return;
    console.error('      redis-server is not installed: skipped');
    this.skip();
  });
  beforeEach(async () => {
    redis = await RedisServer.reserve();
  });
  afterEach(async () => {
    redis.thaw();
    for (const process of processes.splice(0)) await process.close();
    await redis.kill();
  });

  it('down at the start: conversations begin, and are written once it is up', async () => {
    const one = await start();
    const log = one.store.create(conversation('c1'), nobodyLost);
    log.save(conversation('c1'), 30_000);
    for (const [index, each] of frames(FIRST, FIRST + 99).entries()) log.append(FIRST + index, each);
    await until(() => one.stats.storeFailures > 1);
    await redis.start();
    const other = await (await start()).connected();
    await until(() => one.log.some((line) => line.startsWith('store.back')));
    await until(async () => (await other.link.send(['EXISTS', 'bestday:1:{c1}'])) === 1);
    assert.equal((await claimable(other)).length, 100);
    assert.deepEqual([unreachable(one).length, one.stats.storeOutages], [1, 1], 'counted and logged once');
  });

  it('restarted empty in mid-call: all that is not acknowledged is there again', async () => {
    await redis.start();
    const one = await (await start()).connected();
    const log = one.store.create(conversation('c1'), nobodyLost);
    log.save(conversation('c1'), 30_000);
    log.append(FIRST, frame(FIRST));
    await one.written();
    await redis.kill();
    log.append(FIRST + 1, frame(FIRST + 1));
    await redis.start();
    const other = await (await start()).connected();
    await until(async () => {
      log.save(conversation('c1'), 30_000);
      return (await other.link.send(['EXISTS', 'bestday:1:{c1}'])) === 1;
    });
    assert.deepEqual(
      (await claimable(other)).map((each) => [...each]),
      frames(FIRST, FIRST + 1).map((each) => [...each]),
    );
    assert.equal(unreachable(one).length, 1);
  });

  it('gone: a claim says so at once, so that the phone comes back', async () => {
    await redis.start();
    const one = await (await start()).connected();
    await redis.kill();
    await until(() => one.stats.storeOutages === 1);
    await assert.rejects(
      one.store.claim('c1', anybody, nobodyLost),
      (error) => error instanceof StoreError && error.fault === 'unreachable',
    );
  });

  it('hung: nothing waits for it, a claim gives up, and when it answers again everything is there', async () => {
    await redis.start();
    const one = await (await start()).connected();
    const log = one.store.create(conversation('c1'), nobodyLost);
    log.save(conversation('c1'), 30_000);
    await one.written();
    redis.freeze();
    for (const [index, each] of frames(FIRST, FIRST + 999).entries()) {
      log.append(FIRST + index, each);
      if (index % 10 === 9) await new Promise(setImmediate);
    }
    await assert.rejects(
      one.store.claim('another', anybody, nobodyLost),
      (error) => error instanceof StoreError && error.fault === 'slow',
    );
    redis.thaw();
    await until(async () => (await one.link.send(['LLEN', 'bestday:1:{c1}:frames']).catch(() => 0)) === 1_000);
  });

  it('hung for good: that is noticed within seconds, though the socket looks open', async () => {
    await redis.start();
    const one = await (await start()).connected();
    redis.freeze();
    await until(() => one.stats.storeOutages === 1);
    assert.equal(unreachable(one).length, 1);
  }).timeout(8_000);

  it('a conversation that ended while its process was cut off does not come back', async () => {
    await redis.start();
    const one = await (await start()).connected();
    const other = await (await start()).connected();
    let lost = 0;
    const log = one.store.create(conversation('c1'), () => {
      lost++;
    });
    log.save(conversation('c1'), 30_000);
    await one.written();
    const claimed = await other.store.claim('c1', anybody, nobodyLost);
    claimed!.log.remove();
    await other.written();
    log.clear(FIRST + 5);
    await until(() => lost === 1);
    assert.equal(await other.store.claim('c1', anybody, nobodyLost), undefined);
  });

  it('leaves nothing behind when the time is over', async () => {
    await redis.start();
    const one = await (await start()).connected();
    const log = one.store.create(conversation('c1'), nobodyLost);
    log.append(FIRST, frame(FIRST));
    log.save(conversation('c1'), 1_000);
    await one.written();
    for (const key of ['bestday:1:{c1}', 'bestday:1:{c1}:frames'])
      assert.ok(Number(await one.link.send(['PTTL', key])) > 0, key);
    await until(async () => (await one.link.send(['DBSIZE'])) === 0);
  });

  it('holds no more than was not acknowledged', async () => {
    await redis.start();
    const one = await (await start()).connected();
    const log = one.store.create(conversation('c1'), nobodyLost);
    for (let number = FIRST; number < FIRST + 2_000; number++) {
      log.append(number, frame(number));
      if (number - 50 >= FIRST) log.release(number - 50);
      if (number % 20 === 0) log.save(conversation('c1', { micRxSeq: number }), 30_000);
      await new Promise(setImmediate);
    }
    await one.written();
    assert.equal(await one.link.send(['LLEN', 'bestday:1:{c1}:frames']), 50);
  });
});

describe('the password of Redis', () => {
  const PASSWORD = 'a-password-of-the-test';
  let redis: RedisServer;

  before(async function () {
    if (!RedisServer.available()) this.skip();
    redis = await RedisServer.start(PASSWORD);
  });
  after(() => redis?.kill());

  it('opens it', async () => {
    const process = await (await RedisProcess.start(redis, PASSWORD)).connected();
    assert.equal(process.stats.storeOutages, 0);
    await process.close();
  });

  for (const [what, password, word] of [
    ['a wrong one', 'not-the-password', 'WRONGPASS'],
    ['none', undefined, 'NOAUTH'],
  ] as const) {
    it(`${what}: that is logged in Redis's own word, with no password`, async () => {
      const process = await RedisProcess.start(redis, password);
      await until(() => process.log.some((line) => line.includes('store.unreachable')));
      assert.match(
        process.log.find((line) => line.includes('store.unreachable'))!,
        new RegExp(word),
      );
      assert.doesNotMatch(process.log.join('\n'), /password"|not-the-password|a-password-of/);
      await process.close();
    });
  }
});
