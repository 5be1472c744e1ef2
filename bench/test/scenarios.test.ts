import assert from 'node:assert/strict';
import { emulatorFlags, jitterOf, scenarioOf, SCENARIOS } from '../network/scenarios.ts';

const CONTRACT = ['clean', 'loss5-rtt200', 'loss5-oneway200', 'stall400', 'wifi', 'lte'];

describe('network scenarios', () => {
  it('has all that the command promises', () => {
    for (const name of CONTRACT) assert.ok(Object.hasOwn(SCENARIOS, name), name);
  });

  for (const [name, { delayMs, lossPercent, stall, bottleneck }] of Object.entries(SCENARIOS)) {
    it(`${name} is a network that can be`, () => {
      assert.ok(delayMs >= 0 && delayMs < 1_000);
      assert.ok(lossPercent >= 0 && lossPercent < 100);
      if (stall !== undefined) assert.ok(stall.lengthMs > 0 && stall.lengthMs < stall.everyMs);
      if (bottleneck !== undefined)
        assert.ok(bottleneck.kbitPerSecond > 0 && bottleneck.queueKiB >= 2, 'a queue holds at least a packet');
    });
  }

  it('loss5-rtt200 and loss5-oneway200 are what their names say', () => {
    assert.equal(2 * scenarioOf('loss5-rtt200').delayMs, 200);
    assert.equal(scenarioOf('loss5-oneway200').delayMs, 200);
    for (const name of ['loss5-rtt200', 'loss5-oneway200']) assert.equal(scenarioOf(name).lossPercent, 5);
  });

  for (const name of ['wifi', 'lte']) {
    it(`${name} has the same jitter for the same seed, and another for each way and seed`, () => {
      const scenario = scenarioOf(name);
      assert.deepEqual(jitterOf(scenario, 'up', 3), jitterOf(scenario, 'up', 3));
      assert.notDeepEqual(jitterOf(scenario, 'up', 3), jitterOf(scenario, 'down', 3));
      assert.notDeepEqual(jitterOf(scenario, 'up', 3), jitterOf(scenario, 'up', 4));
    });
  }

  it('refuses a name that is none, and says which there are', () => {
    assert.throws(() => scenarioOf('toString'), /no scenario 'toString'; there are clean, loss5-rtt200/);
  });

  it('tells the emulator everything', () => {
    assert.deepEqual(emulatorFlags(scenarioOf('stall400'), 7, undefined), [
      '--seed',
      '7',
      '--delay-ms',
      '20',
      '--loss',
      '0',
      '--stall-ms',
      '400',
      '--stall-every-ms',
      '5000',
    ]);
    assert.ok(
      emulatorFlags(scenarioOf('lte'), 7, { up: 'u', down: 'd' })
        .join(' ')
        .endsWith('--rate-kbit 4000 --queue-kb 128 --up-trace u --down-trace d'),
    );
  });
});
