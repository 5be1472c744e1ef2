import assert from 'node:assert/strict';
import { CloseCode } from '../../../protocol/src/index.ts';
import { HELLO, micPacket } from '../support/phone.ts';
import type { TestPhone } from '../support/phone.ts';
import { world } from '../support/world.ts';

describe('handshake', () => {
  it('answers hello with ready, and both limits of the queue with the lower', () => {
    const { connect } = world();
    const ready = connect().hello({ maxQueueMs: 5_000 });
    assert.equal(ready.codec, 'pcm');
    assert.equal(ready.maxQueueMs, 5_000);
    assert.equal(ready.resumeWindowMs, 30_000);
    assert.equal(ready.pingMs, 5_000);
    assert.equal(new Date(ready.serverTime).getUTCFullYear(), 2026);
  });

  it("takes the first of the phone's codecs that it speaks", () => {
    const { connect } = world();
    assert.equal(connect().hello({ codecs: ['opus', 'pcm'] }).codec, 'pcm');
  });

  it('speaks first', async () => {
    const { connect, pass } = world({ script: { greetingMs: 400 } });
    const phone = connect();
    phone.hello();
    await pass(100);
    assert.equal(phone.frames.length, 20);
    assert.deepEqual(
      phone.wire.filter((entry) => !entry.startsWith('#')),
      ['ready', 'response.start', 'response.end', 'transcript'],
    );
  });

  it('waits 5 s for hello', async () => {
    const { connect, pass } = world();
    const phone = connect();
    await pass(4_999);
    assert.equal(phone.closedWith, undefined);
    await pass(1);
    assert.equal(phone.last('error').code, 'handshake-timeout');
    assert.equal(phone.closedWith, CloseCode.tryAgainLater);
  });

  it('leaves no timer behind when nobody shook hands', async () => {
    const { connect, pass, clock } = world();
    connect();
    await pass(5_000);
    assert.equal(clock.pending, 0);
  });
});

interface BadInput {
  readonly name: string;
  /** Said before the handshake instead of after it. */
  readonly before?: true;
  readonly say: (phone: TestPhone) => void;
  readonly error?: string;
  readonly closes?: number;
}

const text = (name: string, content: string, error?: string, closes?: number): BadInput => ({
  name,
  say: (phone) => phone.sayText(content),
  ...(error !== undefined && { error }),
  ...(closes !== undefined && { closes }),
});
const withType = (payloadType: number): Uint8Array => {
  const packet = micPacket(100, 0);
  packet[1] = payloadType;
  return packet;
};

const BAD_INPUT: readonly BadInput[] = [
  { ...text('no JSON before hello', '{', 'not-json', CloseCode.protocolError), before: true },
  {
    ...text('audio before ready', '', 'binary-before-ready', CloseCode.protocolError),
    before: true,
    say: (phone) => phone.sayBinary(micPacket(1, 0)),
  },
  { ...text('an ack before hello', '{"type":"ack","rxSeq":-1}', 'unexpected-message'), before: true },
  { ...text('hello without its fields', '{"type":"hello"}', 'bad-message'), before: true },
  { ...text('another version', JSON.stringify({ ...HELLO, protocol: 2 }), 'bad-message'), before: true },
  {
    ...text(
      "another device's id",
      JSON.stringify({ ...HELLO, deviceId: '99999999-2222-4333-8444-555555555555' }),
      'wrong-device',
      CloseCode.wrongDevice,
    ),
    before: true,
  },
  {
    ...text(
      'only codecs it cannot speak',
      JSON.stringify({ ...HELLO, codecs: ['opus'] }),
      'no-codec',
      CloseCode.protocolError,
    ),
    before: true,
  },
  text('no JSON', 'hello?', 'not-json', CloseCode.protocolError),
  text('JSON that is no object', '[1]', 'not-json', CloseCode.protocolError),
  text('half a message', '{"type":"ack","rx', 'not-json', CloseCode.protocolError),
  text('no type', '{"rxSeq":1}', 'bad-message'),
  text('a field out of range', '{"type":"ack","rxSeq":-2}', 'bad-message'),
  text('an ack of what was not sent', '{"type":"ack","rxSeq":9000000}', 'bad-message'),
  text(
    'a range that ends before it begins',
    '{"type":"discarded","fromSeq":9,"toSeq":3,"reason":"stale"}',
    'bad-message',
  ),
  text('a second hello', JSON.stringify(HELLO), 'unexpected-message'),
  text('a type from the future', '{"type":"video","x":1}'),
  text('unknown fields', '{"type":"ack","rxSeq":-1,"mood":"fine"}'),
  text(
    'over 64 KiB of text',
    JSON.stringify({ type: 'ack', rxSeq: -1, pad: 'x'.repeat(65_536) }),
    'oversized',
    CloseCode.protocolError,
  ),
  {
    name: 'over 64 KiB of audio',
    say: (phone) => phone.sayBinary(new Uint8Array(65_537)),
    error: 'oversized',
    closes: CloseCode.protocolError,
  },
  {
    name: 'a truncated packet',
    say: (phone) => phone.sayBinary(micPacket(100, 0).subarray(0, 11)),
    error: 'truncated-packet',
  },
  { name: 'an empty packet', say: (phone) => phone.sayBinary(new Uint8Array(0)), error: 'truncated-packet' },
  { name: 'RTP of another version', say: (phone) => phone.sayBinary(new Uint8Array(652)), error: 'bad-rtp-header' },
  {
    name: 'PCM of the wrong length',
    say: (phone) => phone.sayBinary(micPacket(100, 0).subarray(0, 600)),
    error: 'bad-payload-length',
  },
  { name: 'an unknown payload type', say: (phone) => phone.sayBinary(withType(98)), error: 'bad-payload-type' },
  { name: "the other codec's payload type", say: (phone) => phone.sayBinary(withType(96)), error: 'bad-payload-type' },
  {
    name: 'a second SSRC',
    say: (phone) => {
      phone.speak(0);
      phone.sayBinary(micPacket(101, 0, 8));
    },
    error: 'bad-rtp-header',
  },
  {
    name: 'a jump over 30 s',
    say: (phone) => {
      phone.speak(0, 100);
      phone.speak(0, 1_602);
    },
    error: 'sequence-jump',
    closes: CloseCode.protocolError,
  },
  {
    name: 'a gap of just 30 s',
    say: (phone) => {
      phone.speak(0, 100);
      phone.speak(0, 1_600);
    },
  },
];

describe('bad input', () => {
  for (const { name, before, say, error, closes } of BAD_INPUT) {
    it(`${name}: ${error ?? 'no error'}, ${closes === undefined ? 'goes on' : `closes with ${closes}`}`, async () => {
      const { connect, pass } = world();
      const phone = connect();
      if (before !== true) phone.hello();
      say(phone);
      await pass(100);
      assert.equal(phone.all('error').at(-1)?.code, error);
      assert.equal(phone.closedWith, closes);
    });
  }

  it('closes at the eleventh harmless fault in a row, and ends the conversation as the phone does', async () => {
    const { connect, core } = world();
    const phone = connect();
    phone.hello();
    for (let fault = 1; fault <= 10; fault++) phone.sayText('{"type":7}');
    assert.equal(phone.closedWith, undefined);
    phone.sayText('{"type":7}');
    assert.equal(phone.last('end').reason, 'protocol-error');
    assert.equal(phone.closedWith, CloseCode.protocolError);
    assert.equal(core.stats.conversations, 0);
    assert.deepEqual([...core.stats.faults], [['bad-message', 11]]);
  });

  it('forgives a fault every six seconds, however long the call is', async () => {
    const { connect, core, pass } = world();
    const phone = connect();
    phone.hello();
    for (let fault = 1; fault <= 30; fault++) {
      phone.sayText('{"type":7}');
      for (let second = 0; second < 6; second++) {
        await pass(1_000);
        phone.live();
      }
    }
    assert.equal(phone.closedWith, undefined);
    assert.deepEqual([...core.stats.faults], [['bad-message', 30]]);
  });

  it('counts and ignores unknown types, however many of them live audio allows', () => {
    const { connect, core } = world();
    const phone = connect();
    phone.hello();
    for (let index = 0; index < 50; index++) phone.sayText('{"type":"video"}');
    assert.equal(phone.closedWith, undefined);
    assert.equal(core.stats.unknownMessages, 50);
  });

  it('sends a flood away for a while, and keeps its conversation', () => {
    const { connect, core } = world();
    const phone = connect();
    phone.hello();
    for (let index = 0; index < 1_000 && phone.closedWith === undefined; index++) phone.sayText('{"type":"video"}');
    assert.equal(phone.closedWith, CloseCode.tooMany);
    assert.equal(core.stats.conversations, 1);
  });

  it('logs no payload', async () => {
    const { connect, log, pass } = world();
    const phone = connect();
    phone.hello();
    phone.sayText('{"type":"SECRET-WORD"}');
    phone.sayText('{"type":"ack","rxSeq":"SECRET-WORD"}');
    phone.sayText('SECRET-WORD');
    await pass(100);
    assert.doesNotMatch(JSON.stringify(log), /SECRET-WORD/);
  });
});
