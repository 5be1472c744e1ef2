import assert from 'node:assert/strict';
import { LAMP_PATTERNS, lampStateOf } from '../../src/panel/lamp-states.ts';

describe('lamp patterns', () => {
  it('differ from one another', () => {
    const rhythms = Object.values(LAMP_PATTERNS).map(String);
    assert.equal(new Set(rhythms).size, rhythms.length);
  });

  it('never flash more than three times a second', () => {
    for (const [state, pattern] of Object.entries(LAMP_PATTERNS)) {
      const flashes = Math.ceil(pattern.length / 2);
      const periodMs = pattern.reduce((sum, ms) => sum + ms, 0);
      assert.ok(pattern.length < 2 || flashes / periodMs <= 3 / 1_000, state);
    }
  });

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
      assert.equal(lampStateOf(phase, needsHelp), state));
  }
});
