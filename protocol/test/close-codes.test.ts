import assert from 'node:assert/strict';
import { afterClose, CloseCode, ProtocolError } from '../src/index.ts';
import type { AfterClose, ProtocolFault } from '../src/index.ts';

describe('after a close, the device', () => {
  const rows: readonly (readonly [code: number, what: AfterClose])[] = [
    [1000, 'resume'],
    [1001, 'resume'],
    [1006, 'resume'],
    [1012, 'resume'],
    [1013, 'later'],
    [4400, 'stop'],
    [4401, 'stop'],
    [4403, 'stop'],
    [4404, 'restart'],
    [4408, 'stop'],
    [4409, 'stop'],
    [4410, 'stop'],
    [4429, 'later'],
    [4503, 'later'],
    // Not ours: a broken link.
    [1002, 'resume'],
    [1005, 'resume'],
    [1009, 'resume'],
    [1011, 'resume'],
    [3000, 'resume'],
    [4999, 'resume'],
    [0, 'resume'],
  ];
  for (const [code, what] of rows) it(`${code}: ${what}`, () => assert.equal(afterClose(code), what));

  it('has a rule for every code of the protocol', () => {
    const tested = new Set(rows.map(([code]) => code));
    assert.deepEqual(
      Object.values(CloseCode).filter((code) => !tested.has(code)),
      [],
    );
  });
});

describe('a protocol error', () => {
  const rows: readonly (readonly [fault: ProtocolFault, dangerous: boolean])[] = [
    ['oversized', true],
    ['not-json', true],
    ['binary-before-ready', true],
    ['sequence-jump', true],
    ['handshake-timeout', true],
    ['bad-message', false],
    ['truncated-packet', false],
    ['bad-rtp-header', false],
    ['bad-payload-type', false],
    ['bad-payload-length', false],
    ['unexpected-message', false],
  ];
  for (const [fault, dangerous] of rows) {
    const code = fault === 'handshake-timeout' ? 1013 : 4400;
    it(`${fault} ${dangerous ? 'closes at once' : 'is answered first'}, with ${code}`, () => {
      const error = new ProtocolError(fault, 'why');
      assert.deepEqual(
        [error.dangerous, error.closeCode, error.name, error.message],
        [dangerous, code, 'ProtocolError', 'why'],
      );
    });
  }
});
