import assert from 'node:assert/strict';
import {
  bytes,
  INVALID_MESSAGES,
  INVALID_PACKETS,
  INVALID_SERVER_MESSAGES,
  UNKNOWN_TO_DEVICE,
} from '../../../protocol/test/fixtures.ts';
import { parsePacket, PayloadType, ProtocolError, writePacket } from '../../../protocol/src/index.ts';
import type { EndReason } from '../../../protocol/src/index.ts';
import { ConnectError } from '../../src/connection/transport.ts';
import { CallRig, READY } from './rig.ts';

describe('a call', () => {
  it('dials, introduces itself, and talks', () => {
    const rig = new CallRig();
    const link = rig.talk();
    assert.deepEqual(rig.phases, ['connecting', 'handshaking', 'talking']);
    const [hello] = link.of('hello');
    assert.equal(hello!.resume, undefined);
    assert.deepEqual(hello!.codecs, ['opus', 'pcm']);
    rig.frames(100);
    assert.equal(link.packets.length, 100);
    assert.equal(link.of('ack').length, 2);
  });

  it('keeps what is said while it dials', () => {
    const rig = new CallRig();
    rig.call.lift();
    rig.frames(40);
    rig.meets = rig.opens();
    rig.clock.advance(250);
    rig.link.says(READY);
    assert.equal(rig.link.packets.length, 40);
  });

  it('takes the codec the server chose', () => {
    const rig = new CallRig();
    rig.meets = rig.opens();
    rig.call.lift();
    rig.clock.advance(20);
    rig.link.says({ ...READY, codec: 'pcm' });
    rig.frames(1);
    rig.call.hangup('hangup');
    rig.clock.advance(100);
    assert.equal(rig.reports[0]!.codec, 'pcm');
    assert.equal(rig.openCodecs, 0);
  });

  it('reports what was played when the first frame of all came after a resume', () => {
    const rig = new CallRig();
    rig.talk().serverCloses(1006);
    rig.meets = rig.opens();
    rig.clock.advance(1_100);
    rig.link.says({
      type: 'resumed',
      conversationId: READY.conversationId,
      resumeToken: 'token-of-the-second',
      rxSeq: -1,
      nextSeq: 7,
      remainingMs: 29_000,
    });
    // In the upper half of RTP's 32 bits, where it was once taken for a time before zero.
    const timestamp = 0xf000_0000;
    rig.link.says({ type: 'response.start', id: 'r', firstSeq: 7 });
    rig.link.sends(
      writePacket({
        payloadType: PayloadType.opus,
        marker: true,
        sequence: 7,
        timestamp,
        ssrc: 1,
        payload: Uint8Array.of(1),
      }),
    );
    rig.link.says({ type: 'response.end', id: 'r', lastSeq: 7, durationMs: 20 });
    rig.frames(60);
    assert.equal(rig.link.of('ack').at(-1)!.playedTs, timestamp + 960);
  });

  it('refuses a codec it did not offer', () => {
    const rig = new CallRig(['opus']);
    rig.meets = rig.opens();
    rig.call.lift();
    rig.clock.advance(20);
    rig.link.says({ ...READY, codec: 'pcm' });
    assert.equal(rig.call.phase, 'handshaking');
  });

  it('says that it is calling when the dial takes long', () => {
    const rig = new CallRig();
    rig.call.lift();
    rig.frames(74);
    assert.deepEqual(rig.prompts, []);
    rig.frames(1);
    assert.deepEqual(rig.prompts, ['connecting']);
  });

  it('tries on the schedule until 30 s are over', () => {
    const rig = new CallRig();
    rig.call.lift();
    rig.clock.advance(40_000);
    assert.deepEqual(
      rig.attemptsAtMs,
      [0, 1_000, 3_000, 7_000, 15_000, 17_000, 19_000, 21_000, 23_000, 25_000, 27_000, 29_000, 29_300],
    );
    assert.equal(rig.reports[0]!.endReason, 'unreachable');
    assertNothingOpen(rig);
  });

  it('gives the handshake 5 s', () => {
    const rig = new CallRig();
    rig.meets = rig.opens();
    rig.call.lift();
    rig.clock.advance(4_900);
    assert.equal(rig.links[0]!.terminated, false);
    rig.clock.advance(200);
    assert.equal(rig.links[0]!.terminated, true);
    assert.equal(rig.call.phase, 'connecting');
  });

  it('waits as long as a busy server asks', () => {
    const rig = new CallRig();
    rig.meets = rig.fails(new ConnectError('busy', 'status 503', { retryAfterMs: 6_000 }));
    rig.call.lift();
    rig.clock.advance(10_000);
    assert.deepEqual(rig.attemptsAtMs, [0, 6_005]);
  });

  it('does not go on trying with a refused key', () => {
    const rig = new CallRig();
    rig.meets = rig.fails(new ConnectError('refused', 'status 401'));
    rig.call.lift();
    rig.clock.advance(5_000);
    assert.equal(rig.attemptsAtMs.length, 1);
    assert.equal(rig.reports[0]!.endReason, 'refused');
  });

  it('resumes: names what it received and holds, and sends what the server missed', () => {
    const rig = new CallRig();
    const first = rig.talk();
    first.says({ type: 'response.start', id: 'r-1', firstSeq: 65_534 });
    for (const sequence of [65_534, 65_535, 0, 1]) first.plays(sequence);
    rig.frames(10);
    first.says({ type: 'ack', rxSeq: firstMicSequence(first) + 3 });
    first.serverCloses(1006);
    assert.equal(rig.call.phase, 'reconnecting');
    rig.frames(60);
    const second = rig.link;
    assert.notEqual(second, first);
    const { resume } = second.of('hello')[0]!;
    assert.equal(resume!.conversationId, 'c-1');
    assert.equal(resume!.token, READY.resumeToken);
    assert.equal(resume!.rxSeq, 65_537);
    assert.equal(resume!.firstTxSeq, firstMicSequence(first) + 4);
    second.says({
      type: 'resumed',
      conversationId: 'c-1',
      resumeToken: 'token-of-the-second-link',
      rxSeq: firstMicSequence(first) + 6,
      nextSeq: 65_538,
      remainingMs: 29_000,
    });
    assert.equal(second.packets.length, 63);
    assert.equal(firstMicSequence(second), firstMicSequence(first) + 7);
    second.plays(2);
    rig.call.hangup('hangup');
    rig.clock.advance(100);
    assert.deepEqual(
      rig.reports[0]!.reconnects.map(({ attempts, resumed }) => ({ attempts, resumed })),
      [{ attempts: 1, resumed: true }],
    );
    assert.deepEqual(rig.reports[0]!.faults, {});
  });

  it('uses the fresh token at the next resume', () => {
    const rig = new CallRig();
    rig.talk().serverCloses(1006);
    rig.clock.advance(1_100);
    rig.link.says({
      type: 'resumed',
      conversationId: 'c-1',
      resumeToken: 'token-of-the-second-link',
      rxSeq: -1,
      nextSeq: 0,
      remainingMs: 29_000,
    });
    rig.link.serverCloses(1012);
    rig.clock.advance(2_100);
    assert.equal(rig.link.of('hello')[0]!.resume!.token, 'token-of-the-second-link');
  });

  it('makes an attempt at once when the network comes back, and keeps the schedule', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.meets = () => {};
    link.serverCloses(1006);
    rig.clock.advance(4_000);
    rig.call.networkUp();
    rig.clock.advance(4_000);
    assert.deepEqual(
      rig.attemptsAtMs.map((atMs) => atMs - 20),
      [-20, 1_000, 3_000, 4_000, 7_000],
    );
  });

  it('gives up a link that was silent for more than an ack when the network comes back, and resumes at once', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.clock.advance(1_600);
    rig.call.networkUp();
    rig.clock.advance(20);
    assert.equal(link.terminated, true);
    assert.deepEqual(
      rig.attemptsAtMs.map((atMs) => atMs - 20),
      [-20, 1_600],
    );
    assert.notEqual(rig.link.of('hello')[0]!.resume, undefined);
  });

  it('keeps a link that lives when an interface comes back', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.clock.advance(1_000);
    link.says({ type: 'ack', rxSeq: -1 });
    rig.clock.advance(1_000);
    rig.call.networkUp();
    rig.clock.advance(100);
    assert.deepEqual([link.terminated, rig.call.phase], [false, 'talking']);
  });

  it('notices a half-open link after 6 s without a byte, and cuts it', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.clock.advance(5_990);
    assert.equal(rig.call.phase, 'talking');
    rig.clock.advance(10);
    assert.equal(link.terminated, true);
    assert.equal(rig.call.phase, 'reconnecting');
  });

  it('ends 30 s after the loss and leaves nothing open', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.meets = () => {};
    link.serverCloses(1006);
    rig.frames(1_480);
    assert.equal(rig.call.phase, 'reconnecting');
    assert.ok(rig.prompts.includes('one-moment'));
    // The attempt of 29.3 s may use its 8 s.
    rig.clock.advance(7_800);
    assert.equal(rig.reports[0]!.endReason, 'expired');
    assertNothingOpen(rig);
  });

  it('hangs up politely, and does not wait for a server that does not answer', () => {
    const rig = new CallRig();
    const link = rig.talk();
    link.answersClose = false;
    rig.call.hangup('hangup');
    assert.deepEqual(link.of('end'), [{ type: 'end', reason: 'hangup' }]);
    assert.equal(link.closedWith, 1000);
    assert.equal(rig.reports.length, 0);
    rig.clock.advance(1_000);
    assert.equal(rig.reports[0]!.endReason, 'hangup');
    assertNothingOpen(rig);
  });

  it("ends with the server's reason", () => {
    const rig = new CallRig();
    rig.talk().says({ type: 'end', reason: 'idle' });
    rig.clock.advance(100);
    assert.equal(rig.reports[0]!.endReason, 'idle');
    assertNothingOpen(rig);
  });

  it("measures a turn from the patient's last frame to the first sample of the answer, on one clock", () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.frames(50);
    link.says({ type: 'timing', id: 'r-1', speechEndSeq: firstMicSequence(link) + 29, turnDetectedMs: 400 });
    link.says({ type: 'response.start', id: 'r-1', firstSeq: 7 });
    for (let sequence = 7; sequence < 12; sequence++) link.plays(sequence);
    rig.frames(20);
    rig.call.hangup('hangup');
    rig.clock.advance(100);
    const [turn] = rig.reports[0]!.turns;
    assert.equal(turn!.speechEndMs, 20 + 30 * 20);
    assert.equal(turn!.latencyMs, turn!.firstAudioMs - turn!.speechEndMs);
    assert.ok(turn!.latencyMs > 400 && turn!.latencyMs < 600, String(turn!.latencyMs));
    assert.deepEqual(turn!.stages, { turnDetectedMs: 400 });
  });

  it('talks raw to a server that knows no subprotocol, and dials anew when that link breaks', () => {
    const rig = new CallRig();
    rig.meets = rig.opens('raw');
    rig.call.lift();
    rig.clock.advance(20);
    assert.equal(rig.call.phase, 'talking');
    rig.frames(5);
    assert.deepEqual([...rig.link.packets[0]!], [1]);
    assert.equal(rig.link.texts.length, 0);
    rig.link.sends(Uint8Array.of(1));
    rig.link.serverCloses(1006);
    assert.equal(rig.call.phase, 'connecting');
    rig.frames(60);
    assert.equal(rig.call.phase, 'talking');
  });

  it('reports what came and was not played', () => {
    const rig = new CallRig();
    const link = rig.talk();
    link.says({ type: 'response.start', id: 'r', firstSeq: 0 });
    for (let sequence = 0; sequence < 4; sequence++) link.plays(sequence);
    link.says({ type: 'flush', id: 'r' });
    for (let sequence = 4; sequence < 6; sequence++) link.plays(sequence);
    link.sends('{"type":"novelty"}');
    link.sends('{"type":"another"}');
    rig.call.hangup('hangup');
    rig.clock.advance(2_000);
    const { downlink, unknownMessages } = rig.reports[0]!;
    assert.deepEqual([downlink.flushed, downlink.refused, unknownMessages], [2, 0, 2]);
  });

  const closes: readonly { code: number; then: 'comes back' | EndReason }[] = [
    { code: 1000, then: 'comes back' },
    { code: 1001, then: 'comes back' },
    { code: 1006, then: 'comes back' },
    { code: 1012, then: 'comes back' },
    { code: 1013, then: 'comes back' },
    { code: 4400, then: 'protocol-error' },
    { code: 4401, then: 'refused' },
    { code: 4403, then: 'refused' },
    { code: 4404, then: 'expired' },
    { code: 4408, then: 'idle' },
    { code: 4409, then: 'replaced' },
    { code: 4410, then: 'server' },
    { code: 4429, then: 'comes back' },
    { code: 4503, then: 'comes back' },
  ];
  for (const { code, then } of closes) {
    it(`a close with ${code}: ${then}`, () => {
      const rig = new CallRig();
      rig.talk().serverCloses(code);
      rig.clock.advance(1_200);
      assert.equal(rig.links.length, then === 'comes back' ? 2 : 1);
      if (then !== 'comes back') assert.equal(rig.reports[0]?.endReason, then);
    });
  }
});

describe('bad input from a server', () => {
  const rows = [
    ...INVALID_PACKETS.map(({ name, hex, fault }) => ({ name, data: bytes(hex), fault })),
    ...[...INVALID_MESSAGES, ...INVALID_SERVER_MESSAGES].map(({ name, text, fault }) => ({ name, data: text, fault })),
  ];
  for (const { name, data, fault } of rows) {
    const fatal = new ProtocolError(fault, '').dangerous;
    it(`${name}: ${fault}${fatal ? ', closed with 4400' : ', counted'}`, () => {
      const rig = new CallRig();
      const link = rig.talk();
      link.sends(data);
      assert.equal(link.closedWith, fatal ? 4400 : undefined);
      if (!fatal) rig.call.hangup('hangup');
      rig.clock.advance(2_000);
      assert.equal(rig.reports[0]!.faults[fault], 1);
      assert.equal(rig.reports[0]!.endReason, fatal ? 'protocol-error' : 'hangup');
    });
  }

  it('audio before ready is closed with 4400', () => {
    const rig = new CallRig();
    rig.meets = rig.opens();
    rig.call.lift();
    rig.clock.advance(20);
    rig.link.plays(1);
    assert.equal(rig.link.closedWith, 4400);
  });

  it('a jump of the sequence numbers over 30 s is closed with 4400', () => {
    const rig = new CallRig();
    const link = rig.talk();
    link.plays(10);
    link.plays(1_511);
    assert.equal(link.closedWith, 4400);
  });

  it('audio of the codec that was not agreed on is counted', () => {
    const rig = new CallRig();
    const link = rig.talk();
    link.sends(bytes(`80 61 0001 000003c0 1234abcd ${'00'.repeat(640)}`));
    rig.call.hangup('hangup');
    rig.clock.advance(100);
    assert.deepEqual(rig.reports[0]!.faults, { 'bad-payload-type': 1 });
  });

  it('the eleventh fault on one link is one too many', () => {
    const rig = new CallRig();
    const link = rig.talk();
    for (let count = 0; count < 10; count++) link.sends('{"type":"ack"}');
    assert.equal(link.closedWith, undefined);
    link.sends('{"type":"ack"}');
    assert.equal(link.closedWith, 4400);
  });

  it('messages of unknown types are ignored', () => {
    const rig = new CallRig();
    const link = rig.talk();
    for (const text of UNKNOWN_TO_DEVICE) link.sends(text);
    rig.call.hangup('hangup');
    rig.clock.advance(100);
    assert.deepEqual(rig.reports[0]!.faults, {});
  });

  it('nothing is heard of what comes after hanging up', () => {
    const rig = new CallRig();
    const link = rig.talk();
    link.answersClose = false;
    rig.call.hangup('hangup');
    link.says(READY);
    link.plays(3);
    link.sends('garbage');
    rig.clock.advance(1_000);
    assert.equal(rig.reports[0]!.endReason, 'hangup');
  });
});

function firstMicSequence(link: { packets: readonly Uint8Array[] }): number {
  return parsePacket(link.packets[0]!).sequence;
}

function assertNothingOpen(rig: CallRig): void {
  assert.equal(rig.clock.pending, 0, 'timers left');
  assert.equal(rig.openCodecs, 0, 'codecs left');
  assert.equal(rig.call.phase, 'idle');
}

describe('a defect that keeps the far end from being heard', () => {
  it('is counted in the report, and ends the call instead of leaving it in noise', () => {
    const rig = new CallRig();
    rig.decoderBroken = true;
    const link = rig.talk();
    for (let sequence = 1; sequence < 150; sequence++) {
      link.plays(sequence);
      rig.frames(1);
    }
    rig.clock.advance(3_000);
    assert.equal(rig.reports[0]?.endReason, 'protocol-error');
    assert.ok(rig.reports[0].faults['render']! >= 50);
  });
});
