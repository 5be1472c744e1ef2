import assert from 'node:assert/strict';
import fc from 'fast-check';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { RedisConversationLog } from '../../src/store/redis-log.ts';
import type { RemoteConversations, RemoteWrite, WriteOutcome } from '../../src/store/redis-scripts.ts';
import { conversation, frame, frames } from './conversations.ts';

/** Redis, as far as one conversation goes, answering when it is told to. */
class Remote implements RemoteConversations {
  readonly writes: RemoteWrite[] = [];
  readonly #answers: ((outcome: WriteOutcome | Error) => void)[] = [];
  readonly removed: string[] = [];
  held: Uint8Array[] = [];
  first: number | undefined;
  record: string | undefined;

  write(_id: string, write: RemoteWrite): Promise<WriteOutcome> {
    this.writes.push(write);
    return new Promise((resolve, reject) =>
      this.#answers.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome))),
    );
  }

  remove(_id: string, owner: string): Promise<void> {
    this.removed.push(owner);
    return Promise.resolve();
  }

  read = (): Promise<undefined> => Promise.resolve(undefined);
  take = (): Promise<undefined> => Promise.resolve(undefined);

  get unanswered(): number {
    return this.#answers.length;
  }

  /** Carries the oldest unanswered write out, as the script does, and answers it; or answers something else. */
  async answer(other?: WriteOutcome | Error): Promise<void> {
    const write = this.writes[this.writes.length - this.#answers.length]!;
    this.#answers.shift()!(other ?? this.#carryOut(write));
    await settle();
  }

  async answerAll(): Promise<void> {
    while (this.unanswered > 0) await this.answer();
  }

  /** Redis was restarted. */
  forget(): void {
    this.held = [];
    this.first = undefined;
    this.record = undefined;
  }

  #carryOut(write: RemoteWrite): WriteOutcome {
    if (write.from === undefined) {
      this.held = [];
      this.first = write.first;
    } else if (this.first === undefined || this.first + this.held.length !== write.from) {
      return 'gap';
    }
    this.held.push(...write.frames);
    this.held.splice(0, write.first - this.first);
    this.first = write.first;
    this.record = write.record ?? this.record;
    return 'ok';
  }
}

/** Until all that follows from an answer has happened. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const FIRST = 65_530;

function open(): {
  remote: Remote;
  clock: VirtualClock;
  log: RedisConversationLog;
  lost: () => number;
  failures: () => number;
  retry: () => void;
} {
  const remote = new Remote();
  const clock = new VirtualClock();
  let losses = 0;
  let failures = 0;
  const waiting: RedisConversationLog[] = [];
  const log = new RedisConversationLog({
    clock,
    remote,
    id: 'c1',
    owner: 'me',
    record: conversation('c1'),
    firstFrame: FIRST,
    frames: [],
    heardFirst: 0,
    heard: [],
    expiresInMs: 30_000,
    stored: false,
    lost: () => {
      losses++;
    },
    succeeded: () => {},
    failed: () => {
      failures++;
    },
    retryLater: (each) => waiting.push(each),
  });
  return {
    remote,
    clock,
    log,
    lost: () => losses,
    failures: () => failures,
    retry: () => waiting.splice(0).forEach((each) => each.retry()),
  };
}

describe('the log of a conversation in Redis', () => {
  it('writes a new conversation whole', async () => {
    const { remote } = open();
    await settle();
    assert.deepEqual(
      remote.writes.map(({ owner, first, from, record }) => ({ owner, first, from, whole: JSON.parse(record!) })),
      [{ owner: 'me', first: FIRST, from: undefined, whole: conversation('c1') }],
    );
  });

  it('sends what one turn of the event loop changed in one write, without waiting for the one before', async () => {
    const { remote, log } = open();
    await settle();
    for (const each of frames(FIRST, FIRST + 9)) log.append(0, each);
    await settle();
    assert.equal(remote.unanswered, 2);
    assert.deepEqual(remote.writes[1], {
      owner: 'me',
      expiresInMs: 30_000,
      record: undefined,
      first: FIRST,
      from: FIRST,
      frames: frames(FIRST, FIRST + 9),
      heard: { first: 0, from: 0, frames: [] },
    });
  });

  it('leaves out what was acknowledged before Redis ever saw it', async () => {
    const { remote, log } = open();
    await settle();
    for (const each of frames(FIRST, FIRST + 9)) log.append(0, each);
    log.release(FIRST + 3);
    await settle();
    await remote.answerAll();
    assert.deepEqual([remote.first, remote.held], [FIRST + 4, frames(FIRST + 4, FIRST + 9)]);
  });

  it('goes on from the frames it handed over', async () => {
    const { remote, log } = open();
    for (const each of frames(FIRST, FIRST + 1)) log.append(0, each);
    await settle();
    log.append(0, frame(FIRST + 2));
    await settle();
    const { from, frames: sent } = remote.writes[1]!;
    assert.deepEqual({ from, sent }, { from: FIRST + 2, sent: [frame(FIRST + 2)] });
  });

  it('sends the record only when it has changed, the expiry always', async () => {
    const { remote, log, clock } = open();
    await settle();
    clock.advance(1_000);
    log.save(conversation('c1'), 30_000);
    await settle();
    log.save(conversation('c1', { micRxSeq: 50 }), 20_000);
    await settle();
    const [, same, changed] = remote.writes;
    assert.deepEqual([same!.record, same!.expiresInMs], [undefined, 30_000]);
    assert.deepEqual([JSON.parse(changed!.record!).micRxSeq, changed!.expiresInMs], [50, 20_000]);
  });

  it('has few writes under way however slow Redis is, and loses nothing by it', async () => {
    const { remote, log } = open();
    await settle();
    for (let number = 0; number < 1_000; number++) {
      log.append(0, frame(FIRST + number));
      await settle();
    }
    assert.equal(remote.unanswered, 64);
    await remote.answerAll();
    assert.deepEqual(remote.held, frames(FIRST, FIRST + 999));
  });

  it('writes everything again when Redis has forgotten it', async () => {
    const { remote, log } = open();
    for (const each of frames(FIRST, FIRST + 4)) log.append(0, each);
    await settle();
    await remote.answerAll();
    remote.forget();
    for (const number of [5, 6, 7]) {
      log.append(0, frame(FIRST + number));
      await settle();
    }
    await remote.answerAll();
    assert.deepEqual([remote.first, remote.held], [FIRST, frames(FIRST, FIRST + 7)]);
    assert.equal(remote.writes.filter(({ from }) => from === undefined).length, 2);
  });

  it('writes nothing between a failure and its retry, then everything', async () => {
    const { remote, log, failures, retry } = open();
    await settle();
    await remote.answer(new Error('ECONNRESET'));
    for (const each of frames(FIRST, FIRST + 4)) {
      log.append(0, each);
      await settle();
    }
    assert.deepEqual([remote.writes.length, failures()], [1, 1]);
    retry();
    await remote.answerAll();
    assert.deepEqual(remote.held, frames(FIRST, FIRST + 4));
  });

  it('lets go when another has taken over: once, and silent from then on', async () => {
    const { remote, log, lost } = open();
    log.append(0, frame(FIRST));
    await settle();
    log.append(0, frame(FIRST + 1));
    await settle();
    await remote.answer('lost');
    await remote.answer('lost');
    log.append(0, frame(FIRST + 2));
    log.save(conversation('c1'), 30_000);
    log.remove();
    await settle();
    assert.deepEqual(
      { lost: lost(), writes: remote.writes.length, removed: remote.removed },
      { lost: 1, writes: 2, removed: [] },
    );
  });

  it('writes nothing of a conversation that has expired meanwhile', async () => {
    const { remote, log, clock, retry } = open();
    await settle();
    await remote.answer(new Error('ECONNRESET'));
    clock.advance(30_000);
    retry();
    log.append(0, frame(FIRST));
    await settle();
    assert.equal(remote.writes.length, 1);
  });

  it('removes what ended, and writes nothing after it', async () => {
    const { remote, log } = open();
    await settle();
    log.append(0, frame(FIRST));
    log.remove();
    await settle();
    assert.deepEqual([remote.writes.length, remote.removed], [1, ['me']]);
  });

  /** What a conversation and its network may do, in any order. */
  const step = fc.oneof(
    fc.constant('append' as const),
    fc.constant('append' as const),
    fc.constant('append' as const),
    fc.constant('release' as const),
    fc.constant('clear' as const),
    fc.constant('save' as const),
    fc.constant('answer' as const),
    fc.constant('answer' as const),
    fc.constant('fail' as const),
    fc.constant('forget' as const),
    fc.constant('retry' as const),
  );

  it('is in Redis as it should be in the end, whatever went wrong before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { remote, log, retry } = open();
        await settle();
        let [first, next] = [FIRST, FIRST];
        for (const each of steps) {
          if (each === 'append') log.append(0, frame(next++));
          if (each === 'release' && first < next) log.release(first++);
          if (each === 'clear') log.clear((first = ++next));
          if (each === 'save') log.save(conversation('c1', { micRxSeq: next }), 30_000);
          if (each === 'answer' && remote.unanswered > 0) await remote.answer();
          if (each === 'fail' && remote.unanswered > 0) await remote.answer(new Error('ECONNRESET'));
          if (each === 'forget') remote.forget();
          if (each === 'retry') retry();
          await settle();
        }
        // Redis is well again; one more change makes any gap known.
        for (let round = 0; round < 3; round++) {
          retry();
          log.append(0, frame(next++));
          await settle();
          await remote.answerAll();
        }
        assert.deepEqual([remote.first, remote.held], [first, frames(first, next - 1)]);
      }),
      { numRuns: 200 },
    );
  });
});
