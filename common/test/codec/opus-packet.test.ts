import assert from 'node:assert/strict';
import { hasLbrr, isOneMonoFrame, isSilence, packetMs } from '../../src/codec/opus-packet.ts';

/** RFC 6716 Table 2, frame length by configuration. */
const FRAME_MS = [
  10,
  20,
  40,
  60,
  10,
  20,
  40,
  60,
  10,
  20,
  40,
  60, // SILK
  10,
  20,
  10,
  20, // hybrid
  2.5,
  5,
  10,
  20,
  2.5,
  5,
  10,
  20,
  2.5,
  5,
  10,
  20,
  2.5,
  5,
  10,
  20, // CELT
];

describe('Opus packet header', () => {
  it('reads the length of all 32 configurations, for one, two and many frames', () => {
    for (const [config, frameMs] of FRAME_MS.entries()) {
      assert.equal(packetMs(Uint8Array.of(config << 3)), frameMs);
      assert.equal(packetMs(Uint8Array.of((config << 3) | 1, 0)), 2 * frameMs);
      assert.equal(packetMs(Uint8Array.of((config << 3) | 2, 0)), 2 * frameMs);
      assert.equal(packetMs(Uint8Array.of((config << 3) | 3, 5, 0)), 5 * frameMs);
    }
  });

  const frames = [
    { name: 'SILK wideband, 20 ms', packet: [0x48, 1], expected: true },
    { name: 'two of 10 ms', packet: [0x41, 1], expected: true },
    { name: 'stereo', packet: [0x4c, 1], expected: false },
    { name: '10 ms', packet: [0x40, 1], expected: false },
    { name: '60 ms', packet: [0x58, 1], expected: false },
    { name: 'no frames', packet: [0x4b, 0], expected: false },
    { name: 'code 3, broken off', packet: [0x4b], expected: false },
    { name: 'empty', packet: [], expected: false },
  ];
  for (const { name, packet, expected } of frames)
    it(`one 20 ms mono frame? ${name}: ${expected}`, () =>
      assert.equal(isOneMonoFrame(Uint8Array.from(packet)), expected));

  const lbrr = [
    { name: 'SILK with the bit', packet: [0x48, 0x40], expected: true },
    { name: 'SILK without', packet: [0x48, 0x80], expected: false },
    { name: 'hybrid with the bit', packet: [0x78, 0xc0], expected: true },
    { name: 'CELT, where the bit means something else', packet: [0x98, 0x40], expected: false },
    { name: 'two frames', packet: [0x49, 0x40], expected: false },
    { name: 'a TOC byte alone', packet: [0x48], expected: false },
  ];
  for (const { name, packet, expected } of lbrr)
    it(`LBRR? ${name}: ${expected}`, () => assert.equal(hasLbrr(Uint8Array.from(packet)), expected));

  const silence = [
    { name: 'SILK, VAD flag 0', packet: [0x48, 0x00], expected: true },
    { name: 'SILK, VAD flag 1', packet: [0x48, 0x80], expected: false },
    { name: 'SILK, VAD flag 0 and a copy of the frame before', packet: [0x48, 0x40], expected: true },
    { name: 'hybrid', packet: [0x78, 0x00], expected: false },
    { name: 'CELT', packet: [0x98, 0x00], expected: false },
    { name: 'two frames', packet: [0x49, 0x00], expected: false },
    { name: 'DTX: a TOC byte alone', packet: [0x48], expected: true },
    { name: 'empty', packet: [], expected: false },
  ];
  for (const { name, packet, expected } of silence)
    it(`silence? ${name}: ${expected}`, () => assert.equal(isSilence(Uint8Array.from(packet)), expected));
});
