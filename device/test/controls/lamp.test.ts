import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { LED_PATTERNS, ledAt, ledStateOf } from '../../src/panel/lamp-patterns.ts';
import { StatusLed } from '../../src/controls/lamp.ts';
import { FakeLamp } from './fake-line.ts';

describe('LED patterns', () => {
  it('differ from one another', () => {
    const rhythms = Object.values(LED_PATTERNS).map(String);
    assert.equal(new Set(rhythms).size, rhythms.length);
  });

  it('never flash more than three times a second', () => {
    for (const [state, pattern] of Object.entries(LED_PATTERNS)) {
      const flashes = Math.ceil(pattern.length / 2);
      const periodMs = pattern.reduce((sum, ms) => sum + ms, 0);
      assert.ok(pattern.length < 2 || flashes / periodMs <= 3 / 1_000, state);
    }
  });

  for (const [atMs, lit, forMs] of [
    [0, true, 150],
    [149, true, 1],
    [150, false, 250],
    [400, true, 150],
    [550, false, 1_450],
    [2_000, true, 150],
  ] as const) {
    it(`reconnecting at ${atMs} ms is ${lit ? 'lit' : 'dark'} for ${forMs} ms`, () => {
      assert.deepEqual(ledAt(LED_PATTERNS.reconnecting, atMs), { lit, forMs });
    });
  }

  for (const [phase, needsHelp, state] of [
    ['idle', false, 'ready'],
    ['idle', true, 'needs-help'],
    ['connecting', true, 'calling'],
    ['handshaking', false, 'calling'],
    ['talking', true, 'talking'],
    ['reconnecting', false, 'reconnecting'],
    ['ending', true, 'needs-help'],
  ] as const) {
    it(`${phase}${needsHelp ? ' and in need of help' : ''} shows ${state}`, () =>
      assert.equal(ledStateOf(phase, needsHelp), state));
  }
});

describe('the status LED', () => {
  it('plays a pattern from its beginning, round and round', () => {
    const clock = new VirtualClock(500);
    const lamp = new FakeLamp(() => clock.now());
    const led = new StatusLed(lamp, clock);
    led.show('calling');
    clock.advance(1_600);
    led.show('calling');
    assert.deepEqual(lamp.changes, [
      [500, true],
      [1_000, false],
      [1_500, true],
      [2_000, false],
    ]);
  });

  it('sets no timer for a steady light, and goes dark when closed', () => {
    const clock = new VirtualClock();
    const lamp = new FakeLamp(() => clock.now());
    const led = new StatusLed(lamp, clock);
    led.show('ready');
    led.show('talking');
    assert.equal(clock.pending, 0);
    led.close();
    assert.deepEqual([lamp.changes.at(-1)![1], lamp.closed], [false, true]);
  });
});
