import assert from 'node:assert/strict';
import {
  encodeMessage,
  FROM_DEVICE,
  FROM_SERVER,
  parseDeviceMessage,
  parseServerMessage,
  ProtocolError,
} from '../src/index.ts';
import {
  DEVICE_MESSAGES,
  INVALID_DEVICE_MESSAGES,
  INVALID_MESSAGES,
  INVALID_SERVER_MESSAGES,
  SERVER_MESSAGES,
  UNKNOWN_TO_DEVICE,
  UNKNOWN_TO_SERVER,
} from './fixtures.ts';

const DIRECTIONS = [
  {
    from: 'the device',
    parse: parseDeviceMessage,
    schemas: FROM_DEVICE,
    valid: DEVICE_MESSAGES,
    invalid: [...INVALID_MESSAGES, ...INVALID_DEVICE_MESSAGES],
    unknown: UNKNOWN_TO_SERVER,
  },
  {
    from: 'the server',
    parse: parseServerMessage,
    schemas: FROM_SERVER,
    valid: SERVER_MESSAGES,
    invalid: [...INVALID_MESSAGES, ...INVALID_SERVER_MESSAGES],
    unknown: UNKNOWN_TO_DEVICE,
  },
];

for (const { from, parse, schemas, valid, invalid, unknown } of DIRECTIONS) {
  describe(`a control message from ${from}`, () => {
    for (const { name, text, message } of valid) {
      it(`is read: ${name}`, () => assert.deepEqual(parse(text), message));

      it(`survives writing and reading: ${name}`, () => assert.deepEqual(parse(encodeMessage(message)), message));
    }

    for (const { name, text, fault, field } of invalid) {
      it(`is refused as ${fault}: ${name}`, () => {
        assert.throws(
          () => parse(text),
          (error) => {
            assert.ok(error instanceof ProtocolError);
            assert.equal(error.fault, fault);
            if (field !== undefined) assert.ok(error.message.includes(`"${field}`), error.message);
            return true;
          },
        );
      });
    }

    for (const text of unknown) {
      it(`of an unknown type is ignored: ${text}`, () => assert.equal(parse(text), undefined));
    }

    it('has an example of every type', () => {
      assert.deepEqual([...new Set(valid.map(({ message }) => message.type))].sort(), Object.keys(schemas).sort());
    });
  });
}

describe('control messages', () => {
  it('are written with their type first, and without absent fields', () => {
    const message = { rxSeq: 3, playedTs: undefined, type: 'ack' } as unknown as Parameters<typeof encodeMessage>[0];
    assert.equal(encodeMessage(message), '{"type":"ack","rxSeq":3}');
  });

  it('are taken at exactly 64 KiB', () => {
    const text = (filler: number): string => `{"type":"end","reason":"hangup","x":"${'x'.repeat(filler)}"}`;
    const room = 65_536 - text(0).length;
    assert.deepEqual(parseDeviceMessage(text(room)), { type: 'end', reason: 'hangup' });
    assert.throws(() => parseDeviceMessage(text(room + 1)), { fault: 'oversized' });
  });

  it('do not reach the prototype of what they are parsed into', () => {
    parseDeviceMessage(
      '{"type":"end","reason":"hangup","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('are never quoted in an error', () => {
    const secret = 'the-secret-of-the-patient';
    const texts = [
      `{"type":"hello","deviceId":"${secret}"}`,
      `{"type":"end","reason":"${secret}"}`,
      `{"type":"${secret}`,
      `{"type":"ack","rxSeq":"${secret}"}`,
    ];
    for (const text of texts) {
      assert.throws(
        () => parseDeviceMessage(text),
        (error: Error) => !`${error.stack}${String(error.cause)}`.includes(secret),
      );
    }
  });
});
