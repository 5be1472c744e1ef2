import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../../../test/lib/redis-server.ts';
import { anybody, conversation, frame, frames, nobodyLost } from './conversations.ts';
import { memoryProcesses, RedisProcess, until } from './shared-stores.ts';
import type { ProcessView } from './shared-stores.ts';

/** What a server may rely on, whatever keeps its conversations. */
const ADAPTERS: readonly {
  readonly name: string;
  begin(): Promise<() => Promise<ProcessView>>;
  end(): Promise<void>;
  readonly missing?: boolean;
}[] = [
  { name: 'in memory', begin: () => Promise.resolve(memoryProcesses()), end: () => Promise.resolve() },
  redisAdapter(),
];

function redisAdapter(): (typeof ADAPTERS)[number] {
  let redis: RedisServer | undefined;
  return {
    name: 'in Redis',
    missing: !RedisServer.available(),
    async begin() {
      redis = await RedisServer.start();
      return async () => (await RedisProcess.start(redis!)).connected();
    },
    async end() {
      await redis?.kill();
    },
  };
}

const FIRST = conversation('').downlink.firstSequence;
let serial = 0;

for (const adapter of ADAPTERS) {
  describe(`conversations ${adapter.name}`, () => {
    let newProcess: () => Promise<ProcessView>;
    let one: ProcessView;
    let other: ProcessView;
    let id: string;

    before(async function () {
      if (adapter.missing === true) {
        console.error('      redis-server is not installed: skipped');
        this.skip();
      }
      newProcess = await adapter.begin();
      one = await newProcess();
      other = await newProcess();
    });
    after(async () => {
      await one?.close();
      await other?.close();
      await adapter.end();
    });
    beforeEach(() => {
      id = `conversation-${++serial}`;
    });

    it('go on in another process, to the byte', async () => {
      const log = one.store.create(conversation(id), () => {});
      for (const [index, each] of frames(FIRST, FIRST + 9).entries()) log.append(FIRST + index, each);
      log.save(conversation(id, { micRxSeq: 41, tokens: ['second-token'] }), 30_000);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      assert.deepEqual(claimed?.record, conversation(id, { micRxSeq: 41, tokens: ['second-token'] }));
      assert.deepEqual(
        { first: claimed.firstFrame, frames: claimed.frames.map((each) => [...each]) },
        { first: FIRST, frames: frames(FIRST, FIRST + 9).map((each) => [...each]) },
      );
    });

    it('hand over what was not acknowledged, and no more', async () => {
      const log = one.store.create(conversation(id), () => {});
      for (const [index, each] of frames(FIRST, FIRST + 9).entries()) log.append(FIRST + index, each);
      log.save(conversation(id), 30_000);
      await one.written();
      log.release(FIRST + 3);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      assert.deepEqual([claimed?.firstFrame, claimed?.frames.length], [FIRST + 4, 6]);
    });

    it('go on at the number after an interruption', async () => {
      const log = one.store.create(conversation(id), () => {});
      log.append(FIRST, frame(FIRST));
      log.clear(FIRST + 20);
      log.append(FIRST + 20, frame(FIRST + 20));
      log.save(conversation(id), 30_000);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      assert.deepEqual(
        [claimed?.firstFrame, claimed?.frames.map((each) => [...each])],
        [FIRST + 20, [[...frame(FIRST + 20)]]],
      );
    });

    it('hand over what the microphone sent up to the last save, without what was understood', async () => {
      const log = one.store.create(conversation(id), () => {});
      for (let sequence = 100; sequence < 120; sequence++) log.heard({ sequence, payload: frame(sequence) });
      log.save(conversation(id, { micRxSeq: 119 }), 30_000);
      await one.written();
      log.understood(110);
      log.heard({ sequence: 125, payload: frame(125) });
      log.save(conversation(id, { micRxSeq: 125, utterances: [112] }), 30_000);
      log.heard({ sequence: 126, payload: frame(126) });
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      assert.deepEqual(
        claimed?.heard.map(({ sequence, payload }) => [sequence, [...payload]]),
        [110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 125].map((each) => [each, [...frame(each)]]),
      );
      assert.deepEqual(claimed.record.utterances, [112]);
      claimed.log.understood(126);
      claimed.log.save(conversation(id, { micRxSeq: 126 }), 30_000);
      await other.written();
      assert.deepEqual((await one.store.claim(id, anybody, () => {}))?.heard, []);
    });

    it('are written by whoever claimed them last', async () => {
      one.store.create(conversation(id), () => {}).save(conversation(id), 30_000);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      claimed!.log.append(FIRST, frame(FIRST));
      claimed!.log.save(conversation(id, { micRxSeq: 7 }), 30_000);
      await other.written();
      const back = await one.store.claim(id, anybody, () => {});
      assert.deepEqual([back?.record.micRxSeq, back?.frames.length], [7, 1]);
    });

    it('are lost by their owner when another claims them: it is told once, and changes nothing any more', async () => {
      let losses = 0;
      const log = one.store.create(conversation(id), () => {
        losses++;
      });
      log.save(conversation(id), 30_000);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      log.append(FIRST, frame(FIRST));
      log.save(conversation(id, { micRxSeq: 99 }), 30_000);
      await until(() => losses > 0);
      log.remove();
      await one.written();
      claimed!.log.append(FIRST, frame(FIRST + 5));
      await other.written();
      const again = await one.store.claim(id, anybody, () => {});
      assert.deepEqual(
        [again?.record.micRxSeq, again?.frames.map((each) => [...each]), losses],
        [-1, [[...frame(FIRST + 5)]], 1],
      );
    });

    it('have one owner when many claim them at once', async () => {
      one.store.create(conversation(id), () => {}).save(conversation(id), 30_000);
      await one.written();
      const lost = new Set<number>();
      const claims = await Promise.allSettled(
        [one, other, one, other].map(({ store }, index) => store.claim(id, anybody, () => lost.add(index))),
      );
      const claimed = claims.flatMap((claim) =>
        claim.status === 'fulfilled' && claim.value !== undefined ? [claim.value] : [],
      );
      for (const { log, record } of claimed) log.save(record, 30_000);
      // A claim may come after another: then the one before is told that it lost.
      await until(() => claimed.length - lost.size === 1);
      await one.written();
      await other.written();
      assert.equal(claimed.length - lost.size, 1);
    });

    it('stay with their owner when the claim is not authorised', async () => {
      let losses = 0;
      const log = one.store.create(conversation(id), () => {
        losses++;
      });
      log.save(conversation(id), 30_000);
      await one.written();
      assert.equal(await other.store.claim(id, () => false, nobodyLost), undefined);
      log.append(FIRST, frame(FIRST));
      await one.written();
      assert.equal(losses, 0);
      assert.equal((await one.store.claim(id, anybody, () => {}))?.frames.length, 1);
    });

    it('are gone when they were removed', async () => {
      const log = one.store.create(conversation(id), () => {});
      log.save(conversation(id), 30_000);
      await one.written();
      log.remove();
      await one.written();
      assert.equal(await other.store.claim(id, anybody, nobodyLost), undefined);
    });

    it('are gone when nobody saved them for as long as was said, and say how long that is', async () => {
      one.store.create(conversation(id), () => {}).save(conversation(id), 1_500);
      await one.written();
      const claimed = await other.store.claim(id, anybody, () => {});
      assert.ok(claimed!.remainingMs > 500 && claimed!.remainingMs <= 1_500, `${claimed!.remainingMs} ms remain`);
      await sleep(claimed!.remainingMs + 30);
      assert.equal(await one.store.claim(id, anybody, nobodyLost), undefined);
    });

    it('are unknown when nobody began them', async () => {
      assert.equal(await one.store.claim('never-begun', anybody, nobodyLost), undefined);
    });
  });
}
