import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { PacketPath } from '../listen/packet-path.ts';
import { listen } from '../listen/render.ts';
import type { Heard } from '../listen/render.ts';
import { TcpFlow } from '../listen/tcp-flow.ts';
import { WAYS } from '../listen/ways.ts';
import type { Way } from '../listen/ways.ts';
import { scenarioOf } from '../network/scenarios.ts';

/** Ten seconds of sound take a fifth of one: the whole file about two. */

const NO_PROMPTS = { next: () => undefined };

describe('what would be heard', () => {
  let codecs: CodecFactory;
  before(async () => {
    codecs = await loadCodecs(silentLog);
  });

  const heardOver = (way: Way, scenario: string, seed = 1): Promise<Heard> =>
    listen({ way, scenario: scenarioOf(scenario), seconds: 10, seed }, codecs, NO_PROMPTS);

  for (const way of WAYS) {
    it(`${way}: is the same for the same seed, another for another`, async () => {
      const [first, again, other] = [
        await heardOver(way, 'loss5-rtt200', 5),
        await heardOver(way, 'loss5-rtt200', 5),
        await heardOver(way, 'loss5-rtt200', 6),
      ];
      assert.equal(digest(first), digest(again));
      assert.notEqual(digest(first), digest(other));
    });

    it(`${way}: has nothing to hide on a clean line`, async () => {
      const { counters, slots } = await heardOver(way, 'clean');
      assert.ok(counters.played > 100);
      assert.equal(counters.recoveredByFec + counters.concealed, 0);
      assert.equal(slots.length, 500);
    });
  }

  it('datagram: really loses packets; they are recovered or concealed', async () => {
    const { counters } = await heardOver('datagram', 'loss5-rtt200');
    const lost = counters.sent - counters.received;
    assert.ok(lost >= 10 && lost <= 50, `${lost} of ${counters.sent} lost`);
    assert.ok(counters.recoveredByFec + counters.concealed >= lost - 10);
  });

  it('ahead: TCP loses nothing', async () => {
    const { counters } = await heardOver('ahead', 'loss5-rtt200');
    assert.equal(counters.received, counters.sent);
  });

  it('live: a line that is too narrow makes the sender shed', async () => {
    const scenario = {
      about: 'a third of what the voice needs',
      delayMs: 40,
      lossPercent: 0,
      bottleneck: { kbitPerSecond: 16, queueKiB: 16 },
    };
    const { counters } = await listen({ way: 'live', scenario, seconds: 20, seed: 1 }, codecs, NO_PROMPTS);
    assert.ok(counters.shed > 50, `${counters.shed} shed`);
    assert.ok(counters.recoveredByFec + counters.concealed + counters.comfortNoise > 0);
  });
});

describe('the model of TCP', () => {
  it('delivers everything once and in order, however much is lost', () => {
    const clock = new VirtualClock();
    const scenario = { about: '', delayMs: 50, lossPercent: 30 };
    const flow = new TcpFlow(clock, new PacketPath(scenario, 'up', 1), new PacketPath(scenario, 'down', 1), 100);
    const delivered: number[] = [];
    for (let number = 0; number < 500; number++)
      clock.after(20 * number, () => flow.send(120, () => delivered.push(number)));
    clock.runUntil(600_000);
    assert.deepEqual(
      delivered,
      Array.from({ length: 500 }, (_, number) => number),
    );
    assert.equal(flow.bufferedBytes, 0);
  });

  it('adds nothing where nothing is lost', () => {
    const clock = new VirtualClock();
    const scenario = { about: '', delayMs: 50, lossPercent: 0 };
    const flow = new TcpFlow(clock, new PacketPath(scenario, 'up', 1), new PacketPath(scenario, 'down', 1), 100);
    const delays: number[] = [];
    for (let number = 0; number < 100; number++)
      clock.after(20 * number, () => flow.send(120, () => delays.push(clock.now() - 20 * number)));
    clock.runUntil(10_000);
    assert.deepEqual([...new Set(delays)], [50]);
  });
});

function digest({ samples, slots }: Heard): string {
  return createHash('sha256').update(new Uint8Array(samples.buffer)).update(JSON.stringify(slots)).digest('hex');
}
