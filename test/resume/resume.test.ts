import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../../scripts/redis-server.ts';
import { frameCount, hearing, recitation, wholeOf } from './recitation.ts';
import { Site } from './support.ts';
import type { HeldPhone, Reciter, ReciterOptions } from './support.ts';
import type { Wire } from './wire.ts';

/** Little is sent ahead, so that most of what is said has to come over the wire that breaks. */
const AHEAD = ['--max-queue-ms', '1200'];
const SECONDS = 3.6;
const SAID = recitation(SECONDS);
/** Processes start slowly on a busy machine; the calls themselves take five seconds, all at once. */
const LIMIT_MS = 60_000;

interface Held {
  readonly phone: HeldPhone;
  readonly wire: Wire;
  readonly server: Reciter;
}

/** In mid-answer. */
async function heldBy(site: Site, server: Reciter): Promise<Held> {
  const { phone, wire } = await site.wiredPhone(server, AHEAD);
  await phone.next((event) => event.type === 'playback' && event.state === 'started');
  await sleep(500);
  return { phone, wire, server };
}

/** Does it, and waits until the phone is back and the companion has said everything. */
async function through(held: Held, breakIt: (held: Held) => unknown): Promise<HeldPhone> {
  const { phone } = held;
  const back = phone.phase('talking');
  const heardOut = phone.heardOut();
  await breakIt(held);
  await back;
  await heardOut;
  await phone.hangUp();
  return phone;
}

function assertHeardWhole(phone: HeldPhone, said = SAID): void {
  const { heard, altered } = hearing(phone.heard(), said);
  assert.deepEqual(heard, wholeOf(frameCount(said)), 'each frame once, in order');
  assert.deepEqual(altered, [], 'to the last sample');
}

/** All of them run at the same time; each is waited for by its own test. */
class Scenarios {
  readonly #running = new Map<string, Promise<void>>();

  start(name: string, scenario: () => Promise<void>): void {
    const running = scenario();
    // Told by its test.
    running.catch(() => {});
    this.#running.set(name, running);
  }

  show(name: string): void {
    it(name, () => this.#running.get(name)).timeout(LIMIT_MS);
  }
}

const CUTS: Readonly<Record<string, (held: Held) => unknown>> = {
  'closed by a close frame: every sample is heard once, in order': ({ wire }) => wire.closeFrame(),
  'ended without a word: every sample is heard once, in order': ({ wire }) => wire.end(),
  'reset: every sample is heard once, in order': ({ wire }) => wire.reset(),
};
const TAKEN_OVER = 'broken where only the phone notices: the new socket takes over, the old one is closed with 4409';
const KILLED_WITHOUT_STORE = 'server killed and started again, without a store: the conversation is over, and the phone says so';

describe('a conversation whose link breaks, on real sockets in real time', () => {
  const scenarios = new Scenarios();
  let site: Site;

  before(async function () {
    this.timeout(LIMIT_MS);
    site = new Site();
    const [server, mortal] = await Promise.all([site.reciter({ seconds: SECONDS }), site.reciter({ seconds: SECONDS })]);
    for (const [name, cut] of Object.entries(CUTS)) {
      scenarios.start(name, async () => {
        const phone = await through(await heldBy(site, server), cut);
        assertHeardWhole(phone);
        assert.deepEqual(phone.report().reconnects.map(({ resumed, attempts }) => [resumed, attempts]), [[true, 1]]);
      });
    }
    scenarios.start(TAKEN_OVER, async () => {
      let code: Promise<number> | undefined;
      const phone = await through(await heldBy(site, server), ({ wire }) => { code = wire.breakAtPhone(); });
      assertHeardWhole(phone);
      assert.equal(await code, 4_409);
    });
    scenarios.start(KILLED_WITHOUT_STORE, async () => {
      const { phone } = await heldBy(site, mortal);
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
const CLAIMED = 'the phone comes to the other while the first holds an open socket: the first lets go, with 4409';

describe('a conversation that moves from one server process to another over Redis, on real sockets in real time', () => {
  const scenarios = new Scenarios();
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
    const [heir, killed, drained, left] = await Promise.all([start({}), start({ pace: 2, seconds: 60 }), start({ seconds: SECONDS }), start({ seconds: SECONDS })]);
    scenarios.start(KILLED, async () => {
      const phone = await through(await heldBy(site!, killed), ({ wire, server }) => {
        wire.target = heir.port;
        return server.kill('SIGKILL');
      });
      const { heard, altered } = hearing(phone.heard(), recitation(60));
      assert.ok(heard.length >= killed.made && killed.made >= 25, `${heard.length} heard of ${killed.made} made`);
      assert.deepEqual([heard, altered], [wholeOf(heard.length), []]);
    });
    scenarios.start(DRAINED, async () => {
      const phone = await through(await heldBy(site!, drained), async ({ wire, server }) => {
        wire.target = heir.port;
        assert.equal(await server.kill('SIGTERM'), 0);
      });
      assert.match(phone.stderr, /"code":1012/);
      assertHeardWhole(phone);
    });
    scenarios.start(CLAIMED, async () => {
      let code: Promise<number> | undefined;
      const phone = await through(await heldBy(site!, left), ({ wire }) => {
        wire.target = heir.port;
        code = wire.breakAtPhone();
      });
      assertHeardWhole(phone);
      assert.equal(await code, 4_409);
    });
  });
  after(async () => {
    await site?.close();
    await redis?.kill();
  });

  for (const name of [KILLED, DRAINED, CLAIMED]) scenarios.show(name);
});
