import assert from 'node:assert/strict';
import { FRAME_SAMPLES, parsePacket } from '../../protocol/src/index.ts';
import type { MessageSocket } from '../../common/src/link/message-socket.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { Encoder } from '../../common/src/codec/ports.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { uplinkLink } from '../../test/lib/uplink-link.ts';
import { Uplink } from '../src/uplink.ts';

const FIRST = 65_530;

describe('the uplink', () => {
  it("sends each frame as it comes, as RTP, across the sequence number's wrap", () => {
    const { uplink, socket, speak } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(8);
    assert.deepEqual(socket.sequences(), [65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 0, 1]);
    const packets = socket.sent.map((data) => parsePacket(data));
    assert.deepEqual(
      packets.map((packet) => packet.marker),
      [true, false, false, false, false, false, false, false],
    );
    assert.deepEqual(
      packets.slice(0, 3).map((packet) => packet.timestamp),
      [2 ** 32 - 960, 0, 960],
    );
  });

  it('keeps what is said while it dials, and sends it when the link is up', () => {
    const { uplink, socket, speak } = rig();
    speak(5);
    uplink.link(uplinkLink(socket), -1);
    assert.equal(socket.sent.length, 5);
  });

  it('sends after a resume exactly what the server does not hold', () => {
    const { uplink, socket, speak, counters } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(20);
    uplink.acknowledge(FIRST + 9);
    uplink.unlink();
    speak(30);
    const again = fakeSocket();
    assert.equal(uplink.firstHeld, FIRST + 10);
    uplink.link(uplinkLink(again), FIRST + 14);
    assert.deepEqual(again.ordinals(), range(15, 50));
    assert.equal(counters.shed, 0);
  });

  it('sheds what is over 3 s old in an outage, oldest first, and says which', () => {
    const { uplink, socket, speak, counters, shed } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(10);
    uplink.acknowledge(FIRST + 9);
    uplink.unlink();
    speak(200);
    const again = fakeSocket();
    uplink.link(uplinkLink(again), FIRST + 9);
    assert.equal(counters.shed, 49);
    assert.deepEqual(shed, [[FIRST + 10, FIRST + 58]]);
    assert.equal(again.ordinals()[0], 59);
  });

  it('counts and reports what went down with the old link, if it has grown stale since', () => {
    const { uplink, socket, speak, counters, shed } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(20);
    uplink.unlink();
    speak(200);
    const again = fakeSocket();
    uplink.link(uplinkLink(again), FIRST + 4);
    assert.equal(again.ordinals()[0], 69);
    assert.deepEqual(shed, [[FIRST + 5, FIRST + 68]]);
    assert.equal(counters.shed, 64);
  });

  it('does so too when the server holds nothing yet', () => {
    const { uplink, socket, speak, counters, shed } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(20);
    uplink.unlink();
    speak(200);
    uplink.link(uplinkLink(fakeSocket()), -1);
    assert.deepEqual(shed, [[FIRST, FIRST + 68]]);
    assert.equal(counters.shed, 69);
  });

  it('stops when the server acknowledges nothing, and goes on with its next ack', () => {
    const { uplink, socket, speak, counters } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(140);
    assert.equal(socket.sent.length, 125);
    uplink.acknowledge(FIRST + 124);
    assert.equal(socket.sent.length, 140);
    assert.equal(counters.shed, 0);
  });

  it('goes on after a stall that shed more than the window holds', () => {
    const { uplink, socket, speak } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(125 + 150 + 200);
    assert.equal(socket.sent.length, 125);
    uplink.acknowledge(FIRST + 124);
    assert.ok(socket.sent.length > 125, 'the microphone is heard again');
    speak(20);
    uplink.acknowledge(FIRST + 470);
    speak(5);
    assert.equal(socket.sequences().at(-1), (FIRST + 499) % 65_536);
  });

  it('sends nothing stale when an ack comes while the microphone itself is silent', () => {
    const { clock, uplink, socket, speak, counters } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(140);
    clock.advance(3_500);
    uplink.acknowledge(FIRST + 124);
    assert.equal(socket.sent.length, 125);
    assert.equal(counters.shed, 15);
  });

  it('stops while the socket holds back bytes', () => {
    const { uplink, socket, speak } = rig();
    uplink.link(uplinkLink(socket), -1);
    socket.bufferedBytes = 20_000;
    speak(3);
    assert.equal(socket.sent.length, 0);
    socket.bufferedBytes = 0;
    speak(1);
    assert.equal(socket.sent.length, 4);
  });

  it('holds no more than 3 s, linked or not', () => {
    const { uplink, speak } = rig();
    speak(5_000);
    assert.ok(uplink.heldFrames <= 151, String(uplink.heldFrames));
  });

  it('ignores an ack for what it never sent', () => {
    const { uplink, socket, speak } = rig();
    uplink.link(uplinkLink(socket), -1);
    speak(3);
    uplink.acknowledge(FIRST + 1_000_000);
    assert.equal(uplink.firstHeld, FIRST);
  });

  it('remembers when a frame was captured, for a minute', () => {
    const { uplink, speak } = rig();
    speak(4_000);
    assert.equal(uplink.capturedAtMs(FIRST + 3_999), 4_000 * 20);
    assert.equal(uplink.capturedAtMs(FIRST + 1_000), 1_001 * 20);
    assert.equal(uplink.capturedAtMs(FIRST + 999), undefined);
    assert.equal(uplink.capturedAtMs(FIRST + 4_000), undefined);
  });

  it('sends bare frames on a raw link, and holds none of them back for acks that never come', () => {
    const { uplink, socket, speak } = rig();
    uplink.link(uplinkLink(socket, 'raw'), -1);
    speak(300);
    assert.equal(socket.sent.length, 300);
    assert.deepEqual([...socket.sent[0]!], [0]);
    assert.equal(uplink.heldFrames, 0);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

interface FakeSocket extends MessageSocket {
  bufferedBytes: number;
  readonly sent: Uint8Array[];
  sequences(): number[];
  /** Frame ordinals, from the fake encoder's payload. */
  ordinals(): number[];
}

function fakeSocket(): FakeSocket {
  const sent: Uint8Array[] = [];
  return {
    bufferedBytes: 0,
    bytesReceived: 0,
    sent,
    listen() {},
    ping() {},
    close() {},
    terminate() {},
    send: (data) => {
      if (typeof data !== 'string') sent.push(data);
    },
    sequences: () => sent.map((data) => parsePacket(data).sequence),
    ordinals: () => sent.map((data) => parsePacket(data).payload[0]!),
  };
}

function rig() {
  const clock = new VirtualClock();
  const counters = newFrameCounters();
  const shed: [number, number][] = [];
  let ordinal = 0;
  const encoder: Encoder = { codec: 'opus', encode: () => Uint8Array.of(ordinal++ & 0xff), tune() {}, close() {} };
  const uplink = new Uplink({
    clock,
    encoder,
    bitrate: 32_000,
    counters,
    ssrc: 7,
    firstSequence: FIRST,
    firstTimestamp: 2 ** 32 - 960,
    onShed: (from, to) => shed.push([from, to]),
  });
  const speak = (frames: number): void => {
    for (let frame = 0; frame < frames; frame++) {
      clock.advance(20);
      uplink.capture(new Int16Array(FRAME_SAMPLES));
    }
  };
  return { clock, counters, shed, uplink, speak, socket: fakeSocket() };
}
