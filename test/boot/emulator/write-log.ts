import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Random } from '../../../common/src/time/random.ts';

/**
 * What a card was told, in order, as QEMU's `blklogwrites` keeps it (the kernel's dm-log-writes format): a header, then
 * entries of one sector, each followed by what was written. Numbers are little-endian, 64 bits each.
 */
const MAGIC = 0x6a73_6677_736872n;
const SECTOR = 512;
const Flag = { flush: 1, fua: 2, discard: 4 } as const;

interface Entry {
  /** Bytes from the beginning of the card. */
  readonly at: number;
  readonly bytes: number;
  /** Of the data in the log. */
  readonly dataAt: number;
  readonly flags: number;
}

export interface Replay {
  /** Writes that a flush made last, later ones that made it all the same, later ones that did not. */
  readonly kept: number;
  readonly lucky: number;
  readonly lost: number;
}

/**
 * Makes of `card`, as it was before the log, what a power cut may leave: a card keeps what it was told to flush; of
 * what came later each write is there or not, by chance, whatever its order.
 * @throws {Error} it is no such log
 */
export function replay(log: string, card: string, random: Random): Replay {
  const [from, to] = [openSync(log, 'r'), openSync(card, 'r+')];
  try {
    const entries = readEntries(from);
    const lastFlush = entries.findLastIndex(({ flags }) => (flags & Flag.flush) !== 0);
    const counts = { kept: 0, lucky: 0, lost: 0 };
    for (const [index, entry] of entries.entries()) {
      if (entry.bytes === 0 || (entry.flags & Flag.discard) !== 0) continue;
      const flushed = index < lastFlush || (entry.flags & Flag.fua) !== 0;
      const there = flushed || random() < 0.5;
      counts[flushed ? 'kept' : there ? 'lucky' : 'lost']++;
      if (there) copy(from, to, entry);
    }
    return counts;
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

function readEntries(log: number): Entry[] {
  const header = Buffer.alloc(SECTOR);
  readSync(log, header, 0, SECTOR, 0);
  // The header is written with the first flush: until then there is none, and before the first write no file either to speak of.
  const blank = header.every((byte) => byte === 0);
  if (!blank && (header.readBigUInt64LE(0) !== MAGIC || header.readUInt32LE(24) !== SECTOR))
    throw new Error('this is no log of writes with sectors of 512 bytes');
  const entries: Entry[] = [];
  const end = fstatSync(log).size;
  // The header's count is brought up to date now and then only: an entry of nothing ends the log of an emulator that was killed.
  for (let at = SECTOR; at + SECTOR <= end;) {
    const entry = readEntry(log, at);
    if (entry.bytes === 0 && entry.flags === 0) break;
    if ((entry.flags & Flag.discard) === 0 && entry.dataAt + entry.bytes > end) break;
    entries.push(entry);
    at = entry.dataAt + ((entry.flags & Flag.discard) === 0 ? entry.bytes : 0);
  }
  return entries;
}

function readEntry(log: number, at: number): Entry {
  const words = Buffer.alloc(24);
  readSync(log, words, 0, words.length, at);
  const [sector, sectors, flags] = [0, 8, 16].map((offset) => Number(words.readBigUInt64LE(offset))) as [
    number,
    number,
    number,
  ];
  return { at: sector * SECTOR, bytes: sectors * SECTOR, dataAt: at + SECTOR, flags };
}

function copy(from: number, to: number, { at, bytes, dataAt }: Entry): void {
  const data = Buffer.alloc(bytes);
  readSync(from, data, 0, bytes, dataAt);
  writeSync(to, data, 0, bytes, at);
}
