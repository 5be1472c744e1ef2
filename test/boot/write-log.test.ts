import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replay } from './emulator/write-log.ts';

const SECTOR = 512;
const Flag = { none: 0, flush: 1, fua: 2, discard: 4 } as const;

/** An entry that writes one sector of `value`; a flush and a discard carry nothing. */
function entry(sector: number, value: number, flags: number): Buffer {
  const head = Buffer.alloc(SECTOR);
  head.writeBigUInt64LE(BigInt(sector), 0);
  head.writeBigUInt64LE(flags === Flag.flush ? 0n : 1n, 8);
  head.writeBigUInt64LE(BigInt(flags), 16);
  return (flags & (Flag.flush | Flag.discard)) !== 0 ? head : Buffer.concat([head, Buffer.alloc(SECTOR, value)]);
}

function header(): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.writeBigUInt64LE(0x6a73_6677_736872n, 0);
  sector.writeBigUInt64LE(1n, 8);
  sector.writeUInt32LE(SECTOR, 24);
  return sector;
}

describe('what a power cut leaves of a card', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** @returns the first byte of each of the card's four sectors, and what was counted */
  function cut(log: readonly Buffer[], chance: number): { card: number[]; counts: object } {
    const [logFile, cardFile] = [join(folder, 'log'), join(folder, 'card')];
    writeFileSync(logFile, Buffer.concat(log));
    writeFileSync(cardFile, Buffer.alloc(4 * SECTOR));
    const counts = replay(logFile, cardFile, () => chance);
    const card = readFileSync(cardFile);
    return { card: [0, 1, 2, 3].map((sector) => card[sector * SECTOR]!), counts };
  }

  const log = [
    header(),
    entry(0, 1, Flag.none),
    entry(3, 7, Flag.discard),
    entry(1, 2, Flag.none),
    entry(0, 0, Flag.flush),
    entry(0, 9, Flag.none),
    entry(2, 3, Flag.fua),
    Buffer.alloc(2 * SECTOR),
  ];

  it('is what was flushed, and of the rest what chance kept', () => {
    assert.deepEqual(cut(log, 0.9), { card: [1, 2, 3, 0], counts: { kept: 3, lucky: 0, lost: 1 } });
    assert.deepEqual(cut(log, 0.1), { card: [9, 2, 3, 0], counts: { kept: 3, lucky: 1, lost: 0 } });
  });

  it('lacks an entry that the emulator was killed over', () => {
    assert.deepEqual(
      cut([header(), entry(0, 1, Flag.fua), entry(1, 2, Flag.fua).subarray(0, SECTOR + 100)], 0).card,
      [1, 0, 0, 0],
    );
  });

  it('is the card as it was when nothing was written', () => {
    assert.deepEqual(cut([], 0), { card: [0, 0, 0, 0], counts: { kept: 0, lucky: 0, lost: 0 } });
  });

  it('is up to chance where nothing was flushed, which a log without its header tells', () => {
    const unflushed = [Buffer.alloc(SECTOR), entry(0, 1, Flag.none), entry(2, 3, Flag.none)];
    assert.deepEqual(cut(unflushed, 0.1), { card: [1, 0, 3, 0], counts: { kept: 0, lucky: 2, lost: 0 } });
    assert.deepEqual(cut(unflushed, 0.9), { card: [0, 0, 0, 0], counts: { kept: 0, lucky: 0, lost: 2 } });
  });

  it('refuses what is no log', () => {
    assert.throws(() => cut([Buffer.alloc(2 * SECTOR, 1)], 0), /no log of writes/);
  });
});
