import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { distribution } from '../lib/statistics.ts';
import { RedisServer } from '../lib/redis-server.ts';
import { NetworkLink } from '../lib/network/link.ts';
import { frameCount, recitation } from '../lib/resume/recitation.ts';
import { describeTimes, HEARD_WITHIN_MS, measureResumeTime, missingForResumeTime } from '../lib/resume/resume-time.ts';
import { assertHeardWhole, heldBy, inMidAnswer, Scenarios, through } from './scenarios.ts';
import { Site } from '../lib/resume/site.ts';

/** `npm run test:resume`: what takes half a minute and more, as long as it takes. */
const AHEAD = ['--max-queue-ms', '2000'];
const LIMIT_MS = 120_000;
const SECONDS = 6;
const SAID = recitation(SECONDS);

const RESUMES = 'of 29 s: it goes on, and every sample is heard once, in order';
const MOVES = 'of 29 s in which the server was killed: it goes on with another over Redis';
const ENDS = 'of 31 s: it is over, for the same reason on both sides';

describe('an outage, on real sockets in real time', () => {
  const scenarios = new Scenarios(LIMIT_MS);
  let site: Site;
  let redis: RedisServer | undefined;

  before(async function () {
    this.timeout(LIMIT_MS);
    site = new Site();
    redis = RedisServer.available() ? await RedisServer.start() : undefined;
    const [patient, other] = await Promise.all([
      site.reciter({ seconds: SECONDS }),
      site.reciter({ seconds: SECONDS }),
    ]);
    scenarios.start(RESUMES, async () => {
      const { phone, wire } = await heldBy(site, patient, AHEAD);
      await through(phone, () => wire.outage(29_000));
      assertHeardWhole(phone, SAID);
      const [outage] = phone.report().reconnects;
      assert.ok(outage!.resumed && outage!.durationMs > 28_500 && outage!.durationMs < 31_500, JSON.stringify(outage));
    });
    scenarios.start(ENDS, async () => {
      const { phone, wire } = await heldBy(site, other, AHEAD);
      await Promise.all([wire.outage(31_000), phone.exit]);
      assert.equal(phone.report().endReason, 'expired');
      assert.deepEqual(
        other.log.filter(({ event }) => event === 'conversation.ended').map(({ reason }) => reason),
        ['expired'],
      );
    });
    scenarios.start(MOVES, async () => {
      if (redis === undefined) return;
      const [mortal, heir] = await Promise.all([
        site.reciter({ seconds: SECONDS, store: redis.url }),
        site.reciter({ store: redis.url }),
      ]);
      const { phone, wire } = await heldBy(site, mortal, AHEAD, frameCount(SAID));
      await through(phone, () => {
        wire.target = heir.port;
        void mortal.kill('SIGKILL');
        return wire.outage(29_000);
      });
      assertHeardWhole(phone, SAID);
    });
    console.error('    three outages at the same time: half a minute');
  });
  after(async () => {
    await site.close();
    await redis?.kill();
  });

  for (const name of [RESUMES, ENDS, ...(RedisServer.available() ? [MOVES] : [])]) scenarios.show(name);
});

describe('a real link between two network namespaces', () => {
  before(function () {
    const missing = missingForResumeTime();
    if (missing === undefined) return;
    console.error(`    ${missing}: skipped`);
    this.skip();
  });

  it('that silently swallows every packet: it is noticed within 7 s, and every sample is heard once, in order', async () => {
    const link = new NetworkLink();
    const site = new Site();
    try {
      const server = await site.reciter({
        host: NetworkLink.serverAddress,
        tls: true,
        seconds: SECONDS,
        before: link.serverEnd,
      });
      const phone = site.phone(server, AHEAD, link.phoneEnd);
      await inMidAnswer(phone);
      const noticed = phone.phase('reconnecting');
      let afterMs = 0;
      await through(phone, async () => {
        const fromMs = performance.now();
        link.swallow();
        await noticed;
        afterMs = performance.now() - fromMs;
        await sleep(1_500);
        link.letThrough();
      });
      assert.ok(afterMs > 4_500 && afterMs < 7_300, `noticed after ${Math.round(afterMs)} ms`);
      assertHeardWhole(phone, SAID);
    } finally {
      await site.close();
      link.close();
    }
  }).timeout(LIMIT_MS);

  it('that is pulled out 50 times: the answer goes on within 1 s of its return at p95, as the interface reports it', async () => {
    console.error('      50 cuts, five phones at a time: three minutes');
    const times = await measureResumeTime(true, 50, 5);
    console.error(`      ${describeTimes(times)}`);
    assert.equal(times.misheard, 0);
    assert.ok(distribution(times.cuts.map(({ heardMs }) => heardMs)).p95 <= HEARD_WITHIN_MS);
  }).timeout(600_000);
});
