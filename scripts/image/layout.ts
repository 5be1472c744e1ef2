/**
 * The card: FAT for the firmware and the kernel, root A (read-only), room for a root B, data. An update by RAUC writes
 * the root that is not in use; data is last, so that it can grow to the end of whatever card it is on.
 */

const MIB = 2 ** 20;
const SECTOR = 512;

export interface Partition {
  readonly name: 'boot' | 'root A' | 'root B' | 'data';
  /** As an MBR numbers it; Linux adds it to the disk's name. */
  readonly number: 1 | 2 | 3 | 4;
  readonly type: number;
  /** Bytes from the beginning of the card. */
  readonly start: number;
  readonly bytes: number;
}

const FAT32_LBA = 0x0c;
const LINUX = 0x83;
/** Erase blocks of cards are 4 MiB at most: no partition begins inside one. */
const ALIGNMENT = 4 * MIB;
const TABLE: readonly (Pick<Partition, 'name' | 'number' | 'type'> & { readonly mib: number })[] = [
  { name: 'boot', number: 1, type: FAT32_LBA, mib: 256 },
  { name: 'root A', number: 2, type: LINUX, mib: 640 },
  { name: 'root B', number: 3, type: LINUX, mib: 640 },
  // Grows at the first start.
  { name: 'data', number: 4, type: LINUX, mib: 64 },
];

export const PARTITIONS: readonly Partition[] = TABLE.map(({ mib, ...entry }, index) => {
  const before = TABLE.slice(0, index).reduce((sum, each) => sum + each.mib * MIB, 0);
  return { ...entry, start: ALIGNMENT + before, bytes: mib * MIB };
});

/** @throws {TypeError} never: there are these four */
export function partition(name: Partition['name']): Partition {
  return PARTITIONS.find((each) => each.name === name)!;
}

/** Of the whole image. */
export const IMAGE_BYTES = PARTITIONS.reduce((end, { start, bytes }) => Math.max(end, start + bytes), 0);

/** Names the disk in PARTUUIDs. One for all: two cards of ours are never in one machine that boots from either. */
export const DISK_ID = 0xbe57da11;

/** `PARTUUID=…` as the kernel and /etc/fstab take it. */
export function partitionId(name: Partition['name']): string {
  return `${DISK_ID.toString(16).padStart(8, '0')}-${String(partition(name).number).padStart(2, '0')}`;
}

/** The first sector: a table of four, no boot code; the firmware reads the FAT by itself. */
export function masterBootRecord(): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.writeUInt32LE(DISK_ID, 440);
  for (const [index, { type, start, bytes }] of PARTITIONS.entries()) {
    const at = 446 + 16 * index;
    // Beyond what cylinders, heads and sectors can say: all ones, and the numbers of sectors count.
    sector.fill(Buffer.from([0xfe, 0xff, 0xff]), at + 1, at + 4);
    sector[at + 4] = type;
    sector.fill(Buffer.from([0xfe, 0xff, 0xff]), at + 5, at + 8);
    sector.writeUInt32LE(start / SECTOR, at + 8);
    sector.writeUInt32LE(bytes / SECTOR, at + 12);
  }
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}

/** On the boot partition: the board that the image was made for, for scripts/flash. */
export const BOARD_FILE = 'board.txt';
