import assert from 'node:assert/strict';
import { parsePacket, ProtocolError, PayloadType, writePacket, FRAME_TICKS_OF, PAYLOAD_TYPE_OF } from '../src/index.ts';
import { bytes, INVALID_PACKETS, VALID_PACKETS } from './fixtures.ts';

describe('an RTP packet', () => {
  for (const { name, hex, packet, payloadHex } of VALID_PACKETS) {
    it(`is read: ${name}`, () => {
      const { payload, ...header } = parsePacket(bytes(hex));
      assert.deepEqual(header, packet);
      assert.deepEqual(Buffer.from(payload), bytes(payloadHex));
    });

    it(`is written: ${name}`, () => {
      assert.equal(writePacket({ ...packet, payload: bytes(payloadHex) }).toString('hex'), hex.replaceAll(' ', ''));
    });
  }

  for (const { name, hex, fault } of INVALID_PACKETS) {
    it(`is refused as ${fault}: ${name}`, () => {
      assert.throws(
        () => parsePacket(bytes(hex)),
        (error) => error instanceof ProtocolError && error.fault === fault,
      );
    });
  }

  it('is read from the middle of a larger buffer', () => {
    const { hex, packet } = VALID_PACKETS[0]!;
    const message = bytes(hex);
    const pool = Buffer.alloc(100, 0xee);
    message.copy(pool, 7);
    const { payload, ...header } = parsePacket(pool.subarray(7, 7 + message.length));
    assert.deepEqual(header, packet);
    assert.deepEqual(Buffer.from(payload), bytes('f8 ff fe'));
  });

  it('hands out its payload as a view, without a copy', () => {
    const message = bytes(VALID_PACKETS[0]!.hex);
    const { payload } = parsePacket(message);
    message[12] = 0x42;
    assert.equal(payload[0], 0x42);
  });

  it('is written from extended numbers by their low bits', () => {
    const packet = {
      payloadType: PayloadType.opus,
      marker: false,
      sequence: 0x1_0005,
      timestamp: 0x1_0000_0007,
      ssrc: 1,
      payload: bytes('48'),
    };
    const { sequence, timestamp } = parsePacket(writePacket(packet));
    assert.deepEqual({ sequence, timestamp }, { sequence: 5, timestamp: 7 });
  });

  it('never quotes its payload in an error', () => {
    const secret = Buffer.from('what the patient said');
    assert.throws(
      () => parsePacket(Buffer.concat([bytes('80 05 0001 00000000 00000000'), secret])),
      (error: Error) => !error.message.includes('patient') && !error.message.includes(secret.toString('hex')),
    );
  });

  it('advances 20 ms a frame in the clock of its codec', () => {
    assert.deepEqual(FRAME_TICKS_OF, { opus: (48_000 * 20) / 1_000, pcm: (16_000 * 20) / 1_000 });
    assert.deepEqual(PAYLOAD_TYPE_OF, { opus: 96, pcm: 97 });
  });
});
