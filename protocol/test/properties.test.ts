import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as z from 'zod/mini';
import {
  encodeMessage,
  extendTimestamp,
  FROM_DEVICE,
  FROM_SERVER,
  parseDeviceMessage,
  openFraming,
  parsePacket,
  parseServerMessage,
  PayloadType,
  ProtocolError,
  sequenceDistance,
  SequenceExtender,
  wireSequence,
  writePacket,
} from '../src/index.ts';
import type { DeviceMessage, ServerMessage } from '../src/index.ts';
import { DEVICE_MESSAGES, SERVER_MESSAGES } from './fixtures.ts';

const RUNS = 20_000;

/** Bytes that come near to packets: often a right header, often a right length. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(
      fc.constantFrom(0x80, 0x80, 0x80, 0x90),
      fc.constantFrom(96, 97, 224, 225, 0, 127),
      fc.uint8Array({ minLength: 8, maxLength: 24 }),
    )
    .map(([first, second, rest]) => Uint8Array.of(first, second, ...rest)),
  fc
    .tuple(fc.constantFrom(96, 97, 224, 225), fc.constantFrom(0, 1, 320, 639, 640, 641, 1_275, 1_276), fc.nat(255))
    .map(([second, length, fill]) => Uint8Array.of(0x80, second, ...new Uint8Array(10 + length).fill(fill))),
);

describe('any bytes', () => {
  it('are a packet that is written back the same, or a ProtocolError', () => {
    fc.assert(
      fc.property(anyBytes, (data) => {
        const packet = parsedOr(() => parsePacket(data));
        if (packet !== undefined) assert.ok(writePacket(packet).equals(data));
      }),
      { numRuns: RUNS },
    );
  });

  it('are a raw frame as they are, or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.constantFrom('opus' as const, 'pcm' as const), anyBytes, (codec, data) => {
        const frame = parsedOr(() => openFraming('raw').parse(data, codec));
        if (frame !== undefined) assert.ok(Buffer.from(openFraming('raw').write(frame)).equals(data));
      }),
      { numRuns: RUNS / 4 },
    );
  });
});

describe('any packet', () => {
  it('is read back as it was written', () => {
    const packets = fc.record({
      payloadType: fc.constantFrom(PayloadType.opus, PayloadType.l16),
      marker: fc.boolean(),
      sequence: fc.nat(0xffff),
      timestamp: fc.nat(0xffff_ffff),
      ssrc: fc.nat(0xffff_ffff),
      opusBytes: fc.integer({ min: 1, max: 1_275 }),
      fill: fc.nat(255),
    });
    fc.assert(
      fc.property(packets, ({ opusBytes, fill, ...header }) => {
        const payload = Buffer.alloc(header.payloadType === PayloadType.opus ? opusBytes : 640, fill);
        const { payload: read, ...readHeader } = parsePacket(writePacket({ ...header, payload }));
        assert.deepEqual(readHeader, header);
        assert.ok(payload.equals(read));
      }),
      { numRuns: RUNS },
    );
  });
});

const TEXTS = [...DEVICE_MESSAGES, ...SERVER_MESSAGES].map(({ text }) => text);
/** A valid message with one piece of it replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...TEXTS),
    fc.nat(400),
    fc.nat(8),
    fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('null', '-1', '1e999', '{', '"', '[]', '\u0000')),
  )
  .map(([text, at, cut, piece]) => text.slice(0, at % text.length) + piece + text.slice((at % text.length) + cut));
const typed = fc
  .tuple(
    fc.constantFrom(...Object.keys({ ...FROM_DEVICE, ...FROM_SERVER })),
    fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue()),
  )
  .map(([type, fields]) => JSON.stringify({ ...fields, type }));

for (const [from, parse] of [
  ['the device', parseDeviceMessage],
  ['the server', parseServerMessage],
] as const) {
  describe(`any text from ${from}`, () => {
    it('is a message, an unknown one, or a ProtocolError', () => {
      fc.assert(
        fc.property(fc.oneof(mutated, typed, fc.json(), fc.string()), (text) => {
          const message = parsedOr<DeviceMessage | ServerMessage | undefined>(() => parse(text));
          // Loosely: JSON reads -0 and writes 0.
          if (message !== undefined)
            assert.equal(encodeMessage(parse(encodeMessage(message))!), encodeMessage(message));
        }),
        { numRuns: RUNS },
      );
    });
  });
}

for (const [from, schemas, parse] of [
  ['device', FROM_DEVICE, parseDeviceMessage],
  ['server', FROM_SERVER, parseServerMessage],
] as const) {
  describe(`any message from the ${from}, to the edges of its limits,`, () => {
    for (const [type, schema] of Object.entries(schemas)) {
      it(`is read back as it was written: ${type}`, () => {
        const messages = valuesOf(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema) as fc.Arbitrary<
          DeviceMessage | ServerMessage
        >;
        fc.assert(
          fc.property(messages, (message) => assert.deepEqual(parse(encodeMessage(message)), message)),
          { numRuns: 500 },
        );
      });
    }
  });
}

describe('sequence numbers, however often they wrap,', () => {
  const steps = fc.array(fc.integer({ min: -200, max: 1_500 }), { maxLength: 200 });

  it('are extended to what the sender meant', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), steps, (first, moves) => {
        const extender = new SequenceExtender();
        let sent = extender.extend(first);
        let highest = sent;
        for (const move of moves) {
          sent = highest + move;
          assert.equal(extender.extend(wireSequence(sent)), sent);
          highest = Math.max(highest, sent);
          assert.equal(extender.highest, highest);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('are as far apart as RFC 1982 says, both ways', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.integer({ min: -32_767, max: 32_767 }), (a, distance) => {
        const b = wireSequence(a + distance);
        assert.deepEqual([sequenceDistance(a, b), sequenceDistance(b, a) + 0], [distance, 0 - distance]);
      }),
      { numRuns: RUNS },
    );
  });

  it('and timestamps are the nearest ones with the same low bits', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), (reference, step) => {
        const meant = reference + step;
        if (meant < 0 || meant > Number.MAX_SAFE_INTEGER) return;
        assert.equal(extendTimestamp(reference, meant % 2 ** 32), meant);
      }),
      { numRuns: RUNS },
    );
  });
});

/** The result, or `undefined` for a ProtocolError; anything else that is thrown fails the test. */
function parsedOr<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `threw ${String(error)}`);
    assert.ok(error.message.length < 300, 'the error quotes its input');
    return undefined;
  }
}

interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Values that a schema allows, its limits among them. */
function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const limits = { min: schema.minimum ?? 0, max: schema.maximum ?? 0 };
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.oneof(fc.integer(limits), fc.constantFrom(limits.min, limits.max));
    case 'number':
      return fc.oneof(
        fc.double({ ...limits, noNaN: true }).map((value) => value + 0),
        fc.constantFrom(limits.min, limits.max),
      );
    case 'string':
      return schema.pattern !== undefined ? fc.uuid() : stringsOf(schema.minLength ?? 0, schema.maxLength!);
    case 'array':
      return fc.array(valuesOf(schema.items!), { minLength: schema.minItems!, maxLength: schema.maxItems! });
    case 'object':
      return objectsOf(schema);
    default:
      throw new Error(`no values for ${JSON.stringify(schema)}`);
  }
}

function stringsOf(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'binary' }),
    fc.constantFrom('x'.repeat(minLength), 'x'.repeat(maxLength)),
  );
}

function objectsOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(schema.properties!).map(([name, field]) => [name, valuesOf(field)]));
  return fc.record(fields, { requiredKeys: [...schema.required!], noNullPrototype: true });
}
