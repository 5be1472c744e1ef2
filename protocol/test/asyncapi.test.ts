import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod/mini';
import {
  CONNECT_PATH,
  FROM_DEVICE,
  FROM_SERVER,
  MAX_OPUS_BYTES,
  parseDeviceMessage,
  parseServerMessage,
  PROTOCOL_VERSION,
  RTP_HEADER_BYTES,
  SUBPROTOCOL,
} from '../src/index.ts';
import {
  DEVICE_MESSAGES,
  INVALID_DEVICE_MESSAGES,
  INVALID_MESSAGES,
  INVALID_SERVER_MESSAGES,
  SERVER_MESSAGES,
} from './fixtures.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };
interface Message {
  readonly payload: JsonObject;
  readonly examples?: readonly { readonly payload: JsonObject }[];
}
interface Operation {
  readonly action: string;
  readonly messages: readonly { readonly $ref: string }[];
}
interface AsyncApi {
  readonly info: { readonly version: string };
  readonly channels: {
    readonly conversation: JsonObject & {
      readonly address: string;
      readonly messages: Readonly<Record<string, { readonly $ref: string }>>;
    };
  };
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: { readonly messages: Readonly<Record<string, Message>>; readonly schemas: JsonObject };
}

const page = parseYaml(readFileSync(new URL('../asyncapi.yaml', import.meta.url), 'utf8')) as AsyncApi;

const DIRECTIONS = [
  {
    operation: 'fromDevice',
    action: 'receive',
    schemas: FROM_DEVICE,
    parse: parseDeviceMessage,
    valid: DEVICE_MESSAGES,
    invalid: [...INVALID_MESSAGES, ...INVALID_DEVICE_MESSAGES],
  },
  {
    operation: 'fromServer',
    action: 'send',
    schemas: FROM_SERVER,
    parse: parseServerMessage,
    valid: SERVER_MESSAGES,
    invalid: [...INVALID_MESSAGES, ...INVALID_SERVER_MESSAGES],
  },
] as const;

for (const { operation, action, schemas, parse, valid, invalid } of DIRECTIONS) {
  describe(`asyncapi.yaml, ${operation}`, () => {
    const names = namesOf(operation);

    it('has the right action, seen from the server', () => assert.equal(page.operations[operation]!.action, action));

    it('lists the messages that the code knows, and no others', () => {
      assert.deepEqual(names.filter((name) => name !== 'audio').sort(), Object.keys(schemas).sort());
    });

    for (const [type, schema] of Object.entries(schemas)) {
      it(`has the fields, limits and words of the code: ${type}`, () => {
        assert.deepEqual(
          normalised(payloadOf(type)),
          normalised(z.toJSONSchema(schema, { io: 'input' }) as JsonObject),
        );
      });

      it(`has examples that the code takes: ${type}`, () => {
        const examples = page.components.messages[type]?.examples ?? [];
        assert.ok(examples.length > 0);
        for (const { payload } of examples) assert.deepEqual(parse(JSON.stringify(payload)), payload);
      });
    }

    it('takes every valid message of the fixtures', () => {
      for (const { name, text } of valid) assert.ok(taken(JSON.parse(text)), name);
    });

    it('refuses every bad message of the fixtures', () => {
      for (const { name, text, fault } of invalid) {
        if (fault === 'bad-message') assert.ok(!taken(JSON.parse(text)), name);
      }
    });

    function taken(value: JsonObject): boolean {
      const type = value['type'];
      return typeof type === 'string' && names.includes(type) && validators[type]!(value);
    }
  });
}

describe('asyncapi.yaml', () => {
  it('defines every message and schema that it uses, and uses every one that it defines', () => {
    const used = new Set(JSON.stringify(page).match(/#\/components\/(?:messages|schemas)\/[\w.]+/g));
    const defined = [
      ...Object.keys(page.components.messages).map((name) => `#/components/messages/${name}`),
      ...Object.keys(page.components.schemas).map((name) => `#/components/schemas/${name}`),
    ];
    assert.deepEqual([...used].sort(), defined.sort());
  });

  it('names each message of the channel by its type', () => {
    for (const [name, { $ref }] of Object.entries(page.channels.conversation.messages)) {
      assert.equal($ref, `#/components/messages/${name}`);
    }
    assert.deepEqual(
      [...new Set([...namesOf('fromDevice'), ...namesOf('fromServer')])].sort(),
      Object.keys(page.channels.conversation.messages).sort(),
    );
  });

  it('connects where, and as what, the code does', () => {
    assert.equal(page.channels.conversation.address, CONNECT_PATH);
    assert.ok(
      JSON.stringify(page.channels.conversation['bindings']).includes(`{"type":"string","const":"${SUBPROTOCOL}"}`),
    );
    assert.equal(page.info.version.split('.')[0], String(PROTOCOL_VERSION));
  });

  it('bounds an audio message as the code does', () => {
    const { minLength, maxLength } = page.components.messages['audio']!.payload;
    assert.deepEqual(
      { minLength, maxLength },
      { minLength: RTP_HEADER_BYTES + 1, maxLength: RTP_HEADER_BYTES + MAX_OPUS_BYTES },
    );
  });
});

/** Compiled once: one validator for each control message. */
const ajv = new Ajv2020({ strict: false });
const validators = Object.fromEntries(
  Object.keys(page.components.messages)
    .filter((name) => name !== 'audio')
    .map((name) => [name, ajv.compile(payloadOf(name))]),
);

function namesOf(operation: string): string[] {
  return page.operations[operation]!.messages.map(({ $ref }) => $ref.slice('#/channels/conversation/messages/'.length));
}

function payloadOf(type: string): JsonObject {
  const message = page.components.messages[type];
  assert.ok(message, `asyncapi.yaml has no message ${type}`);
  return dereferenced(message.payload) as JsonObject;
}

/** Puts the schemas in place of the references to them; what stands beside a reference stays. */
function dereferenced(value: Json): Json {
  if (Array.isArray(value)) return value.map(dereferenced);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...rest } = value as JsonObject;
  const target =
    typeof $ref === 'string' ? (page.components.schemas[$ref.slice('#/components/schemas/'.length)] as JsonObject) : {};
  return Object.fromEntries(Object.entries({ ...target, ...rest }).map(([key, entry]) => [key, dereferenced(entry)]));
}

const PROSE = new Set(['$schema', 'description', 'title', 'summary', 'examples']);

/** What a schema demands, without prose, and with one spelling for what may be spelled in two ways. */
function normalised(schema: Json, isMapOfFields = false): Json {
  if (Array.isArray(schema)) return schema.map((entry) => normalised(entry));
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema)
    .filter(([key]) => isMapOfFields || !(PROSE.has(key) || (key === 'type' && 'const' in schema)))
    .map(([key, value]) => [key, isMapOfFields ? normalised(value) : ordered(key, value)] as const);
  return Object.fromEntries(entries);
}

function ordered(key: string, value: Json): Json {
  if ((key === 'required' || key === 'enum') && Array.isArray(value)) return [...(value as readonly string[])].sort();
  return normalised(value, key === 'properties');
}
