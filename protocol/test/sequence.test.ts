import assert from 'node:assert/strict';
import { extendTimestamp, sequenceDistance, SequenceExtender, wireSequence } from '../src/index.ts';

const WRAP = 0x1_0000;

describe('the distance of two sequence numbers (RFC 1982)', () => {
  const rows: readonly (readonly [a: number, b: number, distance: number])[] = [
    [0, 0, 0],
    [0, 1, 1],
    [1, 0, -1],
    [65_535, 0, 1],
    [0, 65_535, -1],
    [65_535, 65_535, 0],
    [65_530, 5, 11],
    [5, 65_530, -11],
    [0, 32_767, 32_767],
    [0, 32_769, -32_767],
    [32_769, 0, 32_767],
    // Exactly half the circle is undefined in RFC 1982 §3.2; here it counts as behind, whichever way.
    [0, 32_768, -32_768],
    [32_768, 0, -32_768],
  ];
  for (const [a, b, distance] of rows) {
    it(`from ${a} to ${b} is ${distance}`, () => assert.equal(sequenceDistance(a, b), distance));
  }
});

describe('the wire number of an extended one', () => {
  for (const [extended, wire] of [
    [0, 0],
    [65_535, 65_535],
    [65_536, 0],
    [WRAP * 3 + 7, 7],
    [-1, 65_535],
    [-WRAP, 0],
  ] as const) {
    it(`of ${extended} is ${wire}`, () => assert.equal(wireSequence(extended), wire));
  }
});

describe('a sequence extender', () => {
  const rows: readonly {
    name: string;
    start?: number;
    wire: readonly number[];
    extended: readonly number[];
    highest: number;
  }[] = [
    { name: 'takes the first number as it is', wire: [40_000], extended: [40_000], highest: 40_000 },
    {
      name: 'wraps upwards',
      wire: [65_534, 65_535, 0, 1],
      extended: [65_534, 65_535, WRAP, WRAP + 1],
      highest: WRAP + 1,
    },
    {
      name: 'puts a late packet before the wrap',
      wire: [65_534, 0, 65_535, 1],
      extended: [65_534, WRAP, 65_535, WRAP + 1],
      highest: WRAP + 1,
    },
    { name: 'jumps over the wrap', wire: [65_000, 600], extended: [65_000, WRAP + 600], highest: WRAP + 600 },
    { name: 'knows a duplicate', wire: [10, 11, 11, 10], extended: [10, 11, 11, 10], highest: 11 },
    { name: 'goes below zero for what was sent before the first', wire: [0, 65_535], extended: [0, -1], highest: 0 },
    { name: 'takes the longest step forwards', wire: [100, 32_867], extended: [100, 32_867], highest: 32_867 },
    { name: 'takes half the circle as a step back', wire: [100, 32_868], extended: [100, -32_668], highest: 100 },
    {
      name: 'goes on after a resume',
      start: 5 * WRAP + 65_535,
      wire: [0, 65_535],
      extended: [6 * WRAP, 5 * WRAP + 65_535],
      highest: 6 * WRAP,
    },
    { name: 'goes on from nothing received', start: -1, wire: [0, 1], extended: [0, 1], highest: 1 },
  ];
  for (const { name, start, wire, extended, highest } of rows) {
    it(name, () => {
      const extender = new SequenceExtender(start);
      assert.deepEqual(
        wire.map((number) => extender.extend(number)),
        extended,
      );
      assert.equal(extender.highest, highest);
    });
  }

  it('peeks without remembering', () => {
    const extender = new SequenceExtender(65_535);
    assert.equal(extender.peek(3), WRAP + 3);
    assert.equal(extender.highest, 65_535);
  });

  it('peeks at a first number without remembering', () => {
    const extender = new SequenceExtender();
    assert.equal(extender.peek(9), 9);
    assert.equal(extender.highest, undefined);
  });

  it('starts again where it is told to', () => {
    const extender = new SequenceExtender(10);
    extender.reset(3 * WRAP + 65_000);
    assert.equal(extender.extend(65_001), 3 * WRAP + 65_001);
    extender.reset(undefined);
    assert.equal(extender.extend(12), 12);
  });

  it('follows five wraps of a call, with losses, and never goes back', () => {
    const extender = new SequenceExtender();
    for (let sent = 65_000; sent < 5 * WRAP; sent += 1 + (sent % 7))
      assert.equal(extender.extend(wireSequence(sent)), sent);
  });
});

describe('an extended timestamp', () => {
  const MAX = 0xffff_ffff;
  const rows: readonly (readonly [reference: number, wire: number, extended: number])[] = [
    [0, 960, 960],
    [960, 0, 0],
    [MAX - 479, 480, MAX + 481],
    [MAX + 481, MAX - 479, MAX - 479],
    [3 * (MAX + 1), 960, 3 * (MAX + 1) + 960],
    [3 * (MAX + 1), MAX, 3 * (MAX + 1) - 1],
    [0, MAX, -1],
    [0, 0x8000_0000, 0x8000_0000],
  ];
  for (const [reference, wire, extended] of rows) {
    it(`near ${reference}, ${wire} is ${extended}`, () => assert.equal(extendTimestamp(reference, wire), extended));
  }
});
