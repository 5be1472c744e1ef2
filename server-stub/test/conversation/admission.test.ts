import assert from 'node:assert/strict';
import { CloseCode } from '../../../protocol/src/index.ts';
import { DEVICE_ID, HELLO } from '../support/phone.ts';
import type { TestPhone } from '../support/phone.ts';
import { scriptedPipeline, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

const OTHER_ID = '99999999-2222-4333-8444-555555555555';

/** As the HTTP front does it. */
function admitted({ core, connect }: World, deviceId = DEVICE_ID): TestPhone | undefined {
  return core.admit(deviceId) === undefined ? connect({ deviceId }) : undefined;
}

describe('admission', () => {
  it('a phone that flaps is let in again, whatever half-open sockets it left behind', async () => {
    const here = world();
    const phones: TestPhone[] = [];
    for (let time = 0; time < 10; time++) {
      const phone = admitted(here) ?? assert.fail(`refused at time ${time}`);
      phones.push(phone);
      phone.cut = true;
      await here.pass(100);
    }
    assert.equal(here.core.stats.connections, 4);
    assert.deepEqual(
      phones.map(({ terminated }) => terminated),
      phones.map((_, index) => index < 6),
    );
    assert.equal(here.core.stats.connectionsSuperseded, 6);
  });

  it('it is the silent socket that gives way, and the conversation on it waits', async () => {
    const here = world({ limits: { maxConnectionsPerDevice: 2 } });
    const talking = admitted(here)!;
    talking.hello();
    await here.pass(100);
    const silent = admitted(here)!;
    await here.pass(100);
    talking.live();
    admitted(here);
    assert.deepEqual([talking.closedWith, silent.closedWith], [undefined, CloseCode.abnormal]);
    await here.pass(1_000);
    admitted(here);
    assert.equal(here.core.stats.conversations, 1);
  });

  it('one device that dials in a loop begins no more than its calls a minute, and others do not notice', async () => {
    const here = world({ limits: { callsPerMinute: 5 } });
    let last: TestPhone | undefined;
    for (let call = 0; call < 50; call++) {
      const phone = here.connect();
      phone.say(HELLO);
      last = phone;
    }
    assert.equal(here.core.stats.conversationsStarted, 5);
    assert.deepEqual([last!.last('error').code, last!.closedWith], ['too-many-calls', CloseCode.tooMany]);
    const { retryAfterMs } = last!.last('error');
    assert.ok(retryAfterMs! >= 12_000 && retryAfterMs! <= 24_000, String(retryAfterMs));
    assert.equal(here.core.stats.limited.get('calls'), 45);
    admitted(here, OTHER_ID)!.hello({ deviceId: OTHER_ID });
    await here.pass(24_000);
    admitted(here)!.hello();
    assert.equal(here.core.stats.conversationsStarted, 7);
  });

  it('the conversation under way is not what is replaced by a call too many', async () => {
    const here = world({ limits: { callsPerMinute: 1 } });
    const first = here.connect();
    first.hello();
    here.connect().say(HELLO);
    assert.equal(first.closedWith, undefined);
    assert.equal(here.core.stats.conversations, 1);
  });

  it('minutes are used up by talking, and come back over the day', async () => {
    const here = world({ limits: { minutesPerDay: 10, idleMs: 60 * 60_000, deadAfterMs: 60 * 60_000 } });
    const phone = admitted(here)!;
    phone.hello();
    await here.pass(11 * 60_000);
    assert.equal(phone.closedWith, undefined, 'nobody is cut off');
    phone.say({ type: 'end', reason: 'hangup' });
    const limited = here.core.admit(DEVICE_ID);
    assert.equal(limited?.limit, 'minutes');
    here.clock.advance(limited.waitMs);
    assert.equal(here.core.admit(DEVICE_ID), undefined);
  });

  it('upgrades of one device are limited too', () => {
    const here = world({ limits: { connectionsPerMinute: 10 } });
    const outcomes = Array.from({ length: 12 }, () => here.core.admit(DEVICE_ID)?.limit);
    assert.deepEqual(outcomes.slice(9), [undefined, 'connections', 'connections']);
  });

  it('a device whose key is withdrawn is sent away with 4401, with all that it has open', async () => {
    const here = world();
    const phones = [admitted(here)!, admitted(here)!];
    const other = admitted(here, OTHER_ID)!;
    phones[0]!.hello();
    other.hello({ deviceId: OTHER_ID });
    here.core.revoke(DEVICE_ID);
    assert.deepEqual(
      phones.map(({ closedWith }) => closedWith),
      [CloseCode.badKey, CloseCode.badKey],
    );
    assert.equal(phones[0]!.last('end').reason, 'refused');
    assert.equal(other.closedWith, undefined);
    assert.deepEqual([here.core.stats.conversations, here.core.stats.devicesRevoked], [1, 1]);
  });

  it("the language that was set for a patient rules over the phone's", async () => {
    const { pipeline } = scriptedPipeline();
    const languages: string[] = [];
    const { languageModel } = pipeline;
    const here = world({
      core: {
        languageOf: (id) => (id === DEVICE_ID ? 'de' : undefined),
        pipeline: {
          ...pipeline,
          languageModel: {
            reply(request, options) {
              languages.push(options.language);
              return languageModel.reply(request, options);
            },
          },
        },
      },
    });
    for (const deviceId of [DEVICE_ID, OTHER_ID]) here.connect({ deviceId }).hello({ deviceId });
    await here.pass(100);
    assert.deepEqual(languages, ['de', 'en']);
  });
});
