import assert from 'node:assert/strict';
import { RedisServer } from '../lib/redis-server.ts';
import { frameCount, hearing, recitation, wholeOf } from '../lib/resume/recitation.ts';
import { assertHeardWhole, heldBy, inMidAnswer, Scenarios, through } from './scenarios.ts';
import type { Held } from './scenarios.ts';
import { Site } from '../lib/resume/site.ts';
import type { Reciter, ReciterOptions } from '../lib/resume/site.ts';

/** Little is sent ahead, so that most of what is said has to come over the wire that breaks. */
const AHEAD = ['--max-queue-ms', '1200'];
const SECONDS = 3.6;
const SAID = recitation(SECONDS);
/** Processes start slowly on a busy machine; the calls themselves take five seconds, all at once. */
const LIMIT_MS = 60_000;

const CUTS: Readonly<Record<string, (held: Held) => unknown>> = {
  'closed by a close frame: every sample is heard once, in order': ({ wire }) => wire.closeFrame(),
  'ended without a word: every sample is heard once, in order': ({ wire }) => wire.end(),
  'reset: every sample is heard once, in order': ({ wire }) => wire.reset(),
};
const TAKEN_OVER = 'broken where only the phone notices: the new socket takes over, the old one is closed with 4409';
const KILLED_WITHOUT_STORE =
  'server killed and started again, without a store: the conversation is over, and the phone says so';

describe('a conversation whose link breaks, on real sockets in real time', () => {
  const scenarios = new Scenarios(LIMIT_MS);
  let site: Site;

  before(async function () {
    this.timeout(LIMIT_MS);
    site = new Site();
    const [server, mortal] = await Promise.all([
      site.reciter({ seconds: SECONDS }),
      site.reciter({ seconds: SECONDS }),
    ]);
    for (const [name, cut] of Object.entries(CUTS)) {
      scenarios.start(name, async () => {
        const held = await heldBy(site, server, AHEAD);
        await through(held.phone, () => cut(held));
        assertHeardWhole(held.phone, SAID);
        assert.deepEqual(
          held.phone.report().reconnects.map(({ resumed, attempts }) => [resumed, attempts]),
          [[true, 1]],
        );
      });
    }
    scenarios.start(TAKEN_OVER, async () => {
      let code: Promise<number> | undefined;
      const { phone, wire } = await heldBy(site, server, AHEAD);
      await through(phone, () => {
        code = wire.breakAtPhone();
      });
      assertHeardWhole(phone, SAID);
      assert.equal(await code, 4_409);
    });
    scenarios.start(KILLED_WITHOUT_STORE, async () => {
      const { phone } = await heldBy(site, mortal, AHEAD);
      await mortal.kill('SIGKILL');
      await site.reciter({ seconds: SECONDS, port: mortal.port });
      assert.equal(await phone.exit, 1);
      assert.equal(phone.report().endReason, 'expired');
      assert.match(phone.stderr, /"code":4404/);
    });
  });
  after(() => site.close());

  for (const name of [...Object.keys(CUTS), TAKEN_OVER, KILLED_WITHOUT_STORE]) scenarios.show(name);
});

const KILLED = 'killed in mid-answer: all that it had made is heard, once and in order';
const DRAINED = 'drained: the phone is sent away with 1012, and resumes with the other';
const INSTALLED = 'killed, as it is installed: the conversation goes on with the next';
const CLAIMED = 'the phone comes to the other while the first holds an open socket: the first lets go, with 4409';

describe('a conversation that moves from one server process to another over Redis, on real sockets in real time', () => {
  const scenarios = new Scenarios(LIMIT_MS);
  let site: Site | undefined;
  let redis: RedisServer | undefined;

  before(async function () {
    this.timeout(LIMIT_MS);
    if (!RedisServer.available()) {
      console.error('    redis-server is not installed: skipped');
      this.skip();
    }
    redis = await RedisServer.start();
    site = new Site();
    const { url: store } = redis;
    const start = (options: ReciterOptions): Promise<Reciter> => site!.reciter({ store, ...options });
    const [heir, killed, drained, left] = await Promise.all([
      start({}),
      start({ pace: 2, seconds: 60 }),
      start({ seconds: SECONDS }),
      start({ seconds: SECONDS }),
    ]);
    scenarios.start(KILLED, async () => {
      const { phone, wire } = await heldBy(site!, killed, AHEAD, 40);
      await through(phone, () => {
        wire.target = heir.port;
        return killed.kill('SIGKILL');
      });
      const { heard, altered } = hearing(phone.heard(), recitation(60));
      assert.ok(heard.length >= killed.made && killed.made >= 40, `${heard.length} heard of ${killed.made} made`);
      assert.deepEqual([heard, altered], [wholeOf(heard.length), []]);
    });
    scenarios.start(DRAINED, async () => {
      const { phone, wire } = await heldBy(site!, drained, AHEAD, frameCount(SAID));
      await through(phone, async () => {
        wire.target = heir.port;
        assert.equal(await drained.kill('SIGTERM'), 0);
      });
      assert.match(phone.stderr, /"code":1012/);
      assertHeardWhole(phone, SAID);
    });
    scenarios.start(CLAIMED, async () => {
      let code: Promise<number> | undefined;
      const { phone, wire } = await heldBy(site!, left, AHEAD, frameCount(SAID));
      await through(phone, () => {
        wire.target = heir.port;
        code = wire.breakAtPhone();
      });
      assertHeardWhole(phone, SAID);
      assert.equal(await code, 4_409);
    });
    scenarios.start(INSTALLED, async () => {
      const [first, next] = await Promise.all([site!.server(['--store', store]), site!.server(['--store', store])]);
      const { phone, wire } = await site!.wiredPhone(first);
      await inMidAnswer(phone);
      await through(phone, () => {
        wire.target = next.port;
        first.process.kill('SIGKILL');
      });
      assert.deepEqual(
        phone.report().reconnects.map(({ resumed }) => resumed),
        [true],
      );
    });
  });
  after(async () => {
    await site?.close();
    await redis?.kill();
  });

  for (const name of [KILLED, DRAINED, CLAIMED, INSTALLED]) scenarios.show(name);
});
