import assert from 'node:assert/strict';
import { codecOfRawFrame, openFraming, ProtocolError } from '../src/index.ts';
import type { AudioPacket, CodecName } from '../src/index.ts';
import { bytes, VALID_PACKETS } from './fixtures.ts';

/** One frame of PCM, most significant byte first in a packet and last on a raw link. */
const L16 = bytes('0123'.repeat(320));
const LITTLE_ENDIAN = bytes('2301'.repeat(320));
const packet = (payloadType: 96 | 97, payload: Uint8Array): AudioPacket => ({
  payloadType,
  marker: true,
  sequence: 7,
  timestamp: 8,
  ssrc: 9,
  payload,
});

describe('rtp framing', () => {
  const framing = openFraming('rtp');

  for (const { name, hex, packet: valid } of VALID_PACKETS) {
    it(`makes one packet of one message, and back: ${name}`, () => {
      const read = framing.parse(bytes(hex), valid.payloadType === 96 ? 'opus' : 'pcm');
      assert.deepEqual(framing.write(read), bytes(hex));
    });
  }

  it('refuses a packet of another codec than the one agreed on', () => {
    const message = framing.write(packet(97, L16));
    assert.throws(
      () => framing.parse(message, 'opus'),
      (error) => error instanceof ProtocolError && error.fault === 'bad-payload-type' && !error.dangerous,
    );
  });
});

describe('raw framing', () => {
  it('sends an Opus packet as it is, without a copy', () => {
    const payload = Buffer.alloc(80, 7);
    assert.equal(openFraming('raw').write(packet(96, payload)), payload);
  });

  it('receives an Opus packet as it is, without a copy', () => {
    const message = Buffer.alloc(80, 7);
    assert.equal(openFraming('raw').parse(message, 'opus').payload, message);
  });

  it('sends PCM little-endian, in a copy: the frame may be held for others', () => {
    const payload = Buffer.from(L16);
    assert.deepEqual(openFraming('raw').write(packet(97, payload)), LITTLE_ENDIAN);
    assert.deepEqual(payload, L16);
  });

  it('receives PCM as L16, in a copy', () => {
    const message = Buffer.from(LITTLE_ENDIAN);
    assert.deepEqual(openFraming('raw').parse(message, 'pcm').payload, L16);
    assert.deepEqual(message, LITTLE_ENDIAN);
  });

  it('numbers what arrives on one link, from 0', () => {
    const framing = openFraming('raw');
    const numbered = [0, 1, 2].map(() => framing.parse(Buffer.alloc(80), 'opus'));
    assert.deepEqual(
      numbered.map(({ sequence, timestamp }) => [sequence, timestamp]),
      [
        [0, 0],
        [1, 960],
        [2, 1_920],
      ],
    );
    assert.equal(openFraming('raw').parse(Buffer.alloc(80), 'opus').sequence, 0);
  });

  it('counts no frame that it refuses', () => {
    const framing = openFraming('raw');
    assert.throws(() => framing.parse(Buffer.alloc(0), 'opus'), ProtocolError);
    assert.equal(framing.parse(Buffer.alloc(1), 'opus').sequence, 0);
  });

  it('wraps its numbers as RTP does', () => {
    const framing = openFraming('raw');
    for (let frame = 0; frame < 65_536; frame++) framing.parse(Buffer.alloc(1), 'opus');
    assert.equal(framing.parse(Buffer.alloc(1), 'opus').sequence, 0);
  });

  for (const [codec, length] of [
    ['opus', 1],
    ['opus', 1_275],
    ['pcm', 640],
  ] as [CodecName, number][]) {
    it(`takes ${length} bytes of ${codec}`, () =>
      assert.equal(openFraming('raw').parse(Buffer.alloc(length), codec).payload.length, length));
  }

  for (const [codec, length] of [
    ['opus', 0],
    ['opus', 1_276],
    ['pcm', 0],
    ['pcm', 320],
    ['pcm', 639],
    ['pcm', 641],
    ['pcm', 1_280],
  ] as [CodecName, number][]) {
    it(`refuses ${length} bytes of ${codec}`, () => {
      assert.throws(
        () => openFraming('raw').parse(Buffer.alloc(length), codec),
        (error) => error instanceof ProtocolError && error.fault === 'bad-payload-length' && !error.dangerous,
      );
    });
  }

  it("tells the codec from the first frame's length", () => {
    assert.deepEqual(
      [640, 80].map((length) => codecOfRawFrame(Buffer.alloc(length))),
      ['pcm', 'opus'],
    );
  });
});
