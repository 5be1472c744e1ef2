import assert from 'node:assert/strict';
import { CloseCode, FRAME_TICKS_OF, PayloadType } from '../../../protocol/src/index.ts';
import { levelOf } from '../support/phone.ts';
import type { TestPhone } from '../support/phone.ts';
import { SILENCE, world } from '../support/world.ts';

/** What a phone that has played `frames` frames since the start says. */
function ackPlayed(phone: TestPhone, frames: number): void {
  const firstTs = phone.frames[0]!.packet.timestamp;
  phone.say({ type: 'ack', rxSeq: phone.rxSeq, playedTs: firstTs + frames * FRAME_TICKS_OF.pcm });
}

describe('liveness', () => {
  it('pings every 5 s', async () => {
    const { connect, pass } = world();
    const phone = connect();
    phone.hello();
    for (let seconds = 0; seconds < 20; seconds += 5) {
      await pass(5_000);
      phone.live();
    }
    assert.equal(phone.pings, 4);
  });

  it('cuts a link on which nothing came for 6 s', async () => {
    const { connect, pass, core } = world();
    const phone = connect();
    phone.hello();
    await pass(5_990);
    assert.equal(phone.terminated, false);
    await pass(20);
    assert.equal(phone.terminated, true);
    assert.equal(core.stats.connections, 0);
    assert.equal(core.stats.conversations, 1);
  });

  for (const { name, sign } of [
    { name: 'a message', sign: (phone: TestPhone) => phone.say({ type: 'ack', rxSeq: -1 }) },
    { name: 'a pong', sign: (phone: TestPhone) => phone.live() },
    { name: 'a frame', sign: (phone: TestPhone) => phone.speak(SILENCE) },
    {
      name: 'half a message',
      sign: (phone: TestPhone) => {
        phone.bytesReceived += 100;
      },
    },
  ]) {
    it(`takes ${name} for life`, async () => {
      const { connect, pass } = world();
      const phone = connect();
      phone.hello();
      await pass(5_900);
      sign(phone);
      await pass(5_900);
      assert.equal(phone.terminated, false);
    });
  }
});

describe('acks', () => {
  it('come every second and name the last frame held', async () => {
    const { connect, speak } = world();
    const phone = connect();
    phone.hello();
    await speak(phone, SILENCE, 151);
    assert.deepEqual(
      phone.all('ack').map(({ rxSeq }) => rxSeq),
      [149, 199, 249],
    );
  });

  it('tell the share of frames that never came, since the last one', async () => {
    const { connect, pass } = world();
    const phone = connect();
    phone.hello();
    for (let sequence = 0; sequence < 50; sequence++)
      if (sequence % 5 !== 4 || sequence === 49) phone.speak(SILENCE, sequence);
    await pass(1_000);
    phone.speak(SILENCE, 50);
    await pass(1_000);
    assert.deepEqual(
      phone.all('ack').map(({ lossRate }) => lossRate),
      [9 / 50, 0],
    );
  });

  it('free what they acknowledge', async () => {
    const { connect, pass, core } = world({ script: { greetingMs: 1_000 } });
    const phone = connect();
    phone.hello();
    await pass(500);
    assert.equal(core.conversations()[0]!.heldFrames, 50);
    phone.say({ type: 'ack', rxSeq: phone.rxSeq });
    assert.equal(core.conversations()[0]!.heldFrames, 0);
  });
});

describe('sending ahead', () => {
  it('sends a response as it is made, up to maxQueueMs ahead of what was played', async () => {
    const { connect, pass } = world({ script: { greetingMs: 6_000 } });
    const phone = connect();
    phone.hello({ maxQueueMs: 1_000 });
    await pass(3_000);
    assert.equal(phone.frames.length, 50);
    ackPlayed(phone, 10);
    assert.equal(phone.frames.length, 60);
    assert.equal(phone.all('response.end').length, 0);
    for (let played = 60; phone.frames.length < 300; played = phone.frames.length) ackPlayed(phone, played);
    assert.equal(phone.last('response.end').lastSeq, phone.rxSeq);
  });

  it('never sends a frame that would not fit whole', async () => {
    const { connect, pass } = world({ script: { greetingMs: 6_000 } });
    const phone = connect();
    phone.hello({ maxQueueMs: 1_019 });
    await pass(1_000);
    assert.equal(phone.frames.length, 50);
  });

  it('does not trust a phone that says it played more than it got', async () => {
    const { connect, pass } = world({ script: { greetingMs: 6_000 } });
    const phone = connect();
    phone.hello({ maxQueueMs: 1_000 });
    await pass(1_000);
    ackPlayed(phone, 100_000);
    assert.equal(phone.frames.length, 100);
  });

  it('holds no more than it may, and goes on when the phone acknowledges', async () => {
    const { connect, pass, core } = world({ script: { greetingMs: 20_000 }, limits: { maxHeldMs: 4_000 } });
    const phone = connect();
    phone.hello({ maxQueueMs: 2_000 });
    await pass(5_000);
    assert.ok(core.conversations()[0]!.heldFrames <= 200 + 10);
    for (let played = 0; phone.frames.length < 1_000; played = phone.frames.length) {
      ackPlayed(phone, played);
      await pass(1_000);
      assert.ok(core.conversations()[0]!.heldFrames <= 200 + 10);
    }
    assert.equal(phone.frames.length, 1_000);
  });

  it('numbers frames and timestamps without a gap, over responses, with one SSRC and a marker on each first', async () => {
    const { connect, pass, core } = world({ script: { greetingMs: 400 }, core: { random: () => 0.999_999 } });
    const phone = connect();
    phone.hello();
    for (let seconds = 0; seconds < 13; seconds++) {
      await pass(1_000);
      phone.live();
    }
    const { frames } = phone;
    assert.equal(core.stats.framesSent, 20 + 100);
    frames.forEach(({ sequence, packet }, index) => {
      assert.equal(sequence, frames[0]!.sequence + index);
      assert.equal(packet.timestamp, (frames[0]!.packet.timestamp + index * 320) % 2 ** 32);
      assert.equal(packet.ssrc, frames[0]!.packet.ssrc);
      assert.equal(packet.payloadType, PayloadType.l16);
      assert.equal(packet.marker, index === 0 || index === 20);
    });
    assert.ok(frames.at(-1)!.sequence > 65_535, 'the sequence number wrapped');
    assert.ok(frames.at(-1)!.packet.timestamp < frames[0]!.packet.timestamp, 'the timestamp wrapped');
  });
});

describe('the end of a conversation', () => {
  it('end from the phone ends it with the same reason, closes with 1000 and frees everything', async () => {
    const { connect, core, clock, store, pass } = world();
    const phone = connect();
    phone.hello();
    await pass(200);
    phone.say({ type: 'end', reason: 'duration' });
    assert.equal(phone.closedWith, CloseCode.done);
    assert.equal(core.stats.ends.get('duration'), 1);
    await pass(5_000);
    assert.equal(store.size, 0);
    assert.equal(clock.pending, 0);
  });

  const closes: readonly { code: number; reason: string | undefined }[] = [
    { code: CloseCode.done, reason: 'hangup' },
    { code: CloseCode.protocolError, reason: 'protocol-error' },
    { code: CloseCode.goingAway, reason: undefined },
    { code: CloseCode.abnormal, reason: undefined },
    { code: 3_999, reason: undefined },
  ];
  for (const { code, reason } of closes) {
    it(`a close with ${code} ${reason === undefined ? 'leaves the conversation waiting' : `ends it as ${reason}`}`, () => {
      const { connect, core } = world();
      const phone = connect();
      phone.hello();
      phone.drop(code);
      assert.deepEqual([...core.stats.ends.keys()], reason === undefined ? [] : [reason]);
      assert.equal(core.stats.conversations, reason === undefined ? 1 : 0);
      assert.deepEqual([...core.stats.closes], [[code === 3_999 ? 0 : code, 1]]);
    });
  }

  it('nobody spoke for too long: idle', async () => {
    const { connect, speak, core } = world({ limits: { idleMs: 20_000 } });
    const phone = connect();
    phone.hello();
    await speak(phone, SILENCE, 1_001);
    assert.equal(phone.closedWith, undefined);
    await speak(phone, SILENCE, 50);
    assert.equal(phone.last('end').reason, 'idle');
    assert.equal(phone.closedWith, CloseCode.idle);
    assert.equal(core.stats.conversations, 0);
  });

  it('a drain sends everybody away with 1012 and without an end, and accepts nobody', () => {
    const { connect, core } = world();
    const talking = connect();
    talking.hello();
    const greeting = connect();
    core.drain();
    const late = connect();
    for (const phone of [talking, greeting, late]) assert.equal(phone.closedWith, CloseCode.serviceRestart);
    assert.equal(talking.all('end').length, 0);
    assert.equal(core.stats.conversations, 1);
    assert.equal(core.stats.connections, 0);
  });
});

describe('raw framing', () => {
  const rawFrame = (level: number): Uint8Array => {
    const frame = Buffer.alloc(640);
    for (let at = 0; at < 640; at += 2) frame.writeInt16LE(level, at);
    return frame;
  };

  it('begins with the first frame, speaks bare little-endian frames and no messages', async () => {
    const { connect, pass } = world({ script: { greetingMs: 200 } });
    const phone = connect({ raw: true });
    phone.sayBinary(rawFrame(SILENCE));
    await pass(100);
    assert.deepEqual(phone.messages, []);
    assert.deepEqual(
      phone.raw.map((frame) => Buffer.from(frame).readInt16LE(0)),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  it('is answered about as fast as it is heard, for nobody can take a queue back', async () => {
    const { connect, pass } = world({ script: { greetingMs: 4_000 } });
    const phone = connect({ raw: true });
    phone.sayBinary(rawFrame(SILENCE));
    await pass(90);
    assert.equal(phone.raw.length, 20);
    await pass(1_910);
    assert.ok(phone.raw.length > 100 && phone.raw.length <= 125, `${phone.raw.length} frames`);
    phone.sayBinary(rawFrame(SILENCE));
    await pass(3_000);
    assert.equal(phone.raw.length, 200);
  });

  it('ends with its link', () => {
    const { connect, core, clock } = world();
    const phone = connect({ raw: true });
    phone.sayBinary(rawFrame(SILENCE));
    phone.drop();
    assert.equal(core.stats.conversations, 0);
    assert.ok(clock.pending <= 1);
  });

  it('answers nothing to text, and closes when no frame comes', async () => {
    const { connect, pass } = world();
    const phone = connect({ raw: true });
    phone.sayText('hello?');
    assert.equal(phone.closedWith, undefined);
    await pass(5_000);
    assert.equal(phone.closedWith, CloseCode.tryAgainLater);
  });

  it('counts a frame of the wrong length as a fault', async () => {
    const { connect, core } = world();
    const phone = connect({ raw: true });
    phone.sayBinary(rawFrame(SILENCE));
    phone.sayBinary(new Uint8Array(100));
    assert.equal(core.stats.faults.get('bad-payload-length'), 1);
  });
});

describe('microphone frames', () => {
  async function heard(sequences: readonly number[]): Promise<{ counters: Record<string, number>; fill: number }> {
    const { connect, core } = world();
    const phone = connect();
    phone.hello();
    for (const sequence of sequences) phone.speak(1, sequence);
    const counters = core.uplinkCounters();
    return { counters: { ...counters }, fill: counters.concealed + counters.comfortNoise };
  }

  const rows: readonly {
    name: string;
    sequences: readonly number[];
    received: number;
    fill: number;
    late?: number;
    duplicate?: number;
  }[] = [
    { name: 'in order', sequences: [1, 2, 3], received: 3, fill: 0 },
    { name: 'the same one twice', sequences: [1, 2, 2, 3], received: 3, fill: 0, duplicate: 1 },
    { name: 'an old one again', sequences: [1, 2, 3, 1], received: 3, fill: 0, duplicate: 1 },
    { name: 'one missing', sequences: [1, 3], received: 2, fill: 1 },
    { name: 'one late, after its place was filled', sequences: [1, 3, 2], received: 2, fill: 1, late: 1 },
    { name: 'over the wrap', sequences: [65_534, 65_535, 65_536, 65_538], received: 4, fill: 1 },
    { name: 'a long gap is filled for one second only', sequences: [1, 1_002], received: 2, fill: 50 },
  ];
  for (const { name, sequences, received, fill, late = 0, duplicate = 0 } of rows) {
    it(name, async () => {
      const result = await heard(sequences);
      assert.equal(result.counters['received'], received);
      assert.equal(result.fill, fill);
      assert.equal(result.counters['late'], late);
      assert.equal(result.counters['duplicate'], duplicate);
    });
  }

  it('that were discarded count as shed', () => {
    const { connect, core } = world();
    const phone = connect();
    phone.hello();
    phone.say({ type: 'discarded', fromSeq: 5, toSeq: 14, reason: 'stale' });
    assert.equal(core.uplinkCounters().shed, 10);
  });
});

describe('the greeting', () => {
  it('arrives sample by sample as it was made', async () => {
    const { connect, pass } = world({ script: { greetingMs: 600, chunkMs: 140 } });
    const phone = connect();
    phone.hello();
    await pass(200);
    assert.deepEqual(
      phone.frames.map(({ packet }) => levelOf(packet)),
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
  });
});
