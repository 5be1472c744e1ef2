import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

export type FlashFault =
  | 'too-small'
  | 'write-failed'
  | 'verify-failed'
  | 'bad-image'
  | 'inject-failed'
  | 'bad-identity'
  | 'not-empty'
  | 'no-tools';

/** The card is not ready for a phone. The text says what to do. */
export class FlashError extends Error {
  override readonly name = 'FlashError';
  readonly fault: FlashFault;

  constructor(fault: FlashFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export type Progress = (what: 'writing' | 'reading back', doneBytes: number, allBytes: number) => void;

const CHUNK_BYTES = 4 << 20;

/** A card, or a file in the place of one; a test hands in one that breaks. */
export interface Card {
  readonly bytes: number;
  write(data: Uint8Array, at: number): Promise<void>;
  read(into: Uint8Array, at: number): Promise<number>;
  /** What was written is on the medium, and what is read comes from it. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes an image and reads it back. The beginning, with the partition table, is written last: a card that was pulled
 * out in the middle does not boot, and nobody takes it for done.
 * @throws {FlashError} too-small, bad-image, write-failed, verify-failed
 */
export async function writeImage(imageFile: string, card: Card, progress: Progress): Promise<void> {
  const image = await open(imageFile, 'r');
  try {
    const { size } = await image.stat();
    await checkImage(image, size);
    if (card.bytes < size)
      throw new FlashError(
        'too-small',
        `the card holds ${card.bytes} bytes, the image needs ${size}: take a larger card`,
      );
    const written = await copy(image, size, card, progress);
    const found = await hashOf(card, size, progress);
    if (found !== written)
      throw new FlashError(
        'verify-failed',
        'what is read back is not what was written: the card or its reader is bad, throw it away',
      );
  } finally {
    await image.close();
  }
}

/** 0x55AA, where the firmware looks for it. */
async function checkImage(image: FileHandle, size: number): Promise<void> {
  const mark = Buffer.alloc(2);
  await image.read(mark, 0, 2, 510);
  if (size < 1 << 20 || mark.readUInt16BE(0) !== 0x55aa)
    throw new FlashError('bad-image', 'this is no disk image (unpack it first, if it ends in .xz)');
}

/** @returns SHA-256 of the image */
async function copy(image: FileHandle, size: number, card: Card, progress: Progress): Promise<string> {
  const hash = createHash('sha256');
  let first: Buffer | undefined;
  try {
    // A table that stands there from before must not lead to a half-written system.
    await card.write(Buffer.alloc(Math.min(CHUNK_BYTES, size)), 0);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - at));
      await image.read(chunk, 0, chunk.length, at);
      hash.update(chunk);
      if (at === 0) first = chunk;
      else await card.write(chunk, at);
      progress('writing', at + chunk.length, size);
    }
    await card.settle();
    await card.write(first!, 0);
    await card.settle();
  } catch (cause) {
    throw new FlashError(
      'write-failed',
      `the card cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)}): put it in again, or take another one`,
      { cause },
    );
  }
  return hash.digest('hex');
}

async function hashOf(card: Card, size: number, progress: Progress): Promise<string> {
  const hash: Hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    const wanted = Math.min(CHUNK_BYTES, size - at);
    const got = await card.read(chunk.subarray(0, wanted), at).catch((cause: unknown) => {
      throw new FlashError(
        'verify-failed',
        `the card cannot be read back (${(cause as NodeJS.ErrnoException).code ?? String(cause)}): put it in again`,
        { cause },
      );
    });
    if (got < wanted)
      throw new FlashError('verify-failed', 'the card ends before it should: it is smaller than it claims');
    hash.update(chunk.subarray(0, wanted));
    progress('reading back', at + wanted, size);
  }
  return hash.digest('hex');
}

/** @param bytes the device's size; a file's own when absent. A device that is mounted is refused by the kernel. */
export async function openCard(path: string, bytes?: number): Promise<Card> {
  const isDevice = bytes !== undefined;
  let handle = await open(path, constants.O_RDWR | (isDevice ? constants.O_EXCL : 0));
  return {
    bytes: bytes ?? (await handle.stat()).size,
    write: async (data, at) => {
      await handle.write(data, 0, data.length, at);
    },
    read: async (into, at) => (await handle.read(into, 0, into.length, at)).bytesRead,
    // The last close of a device makes the kernel forget what it holds of it.
    settle: async () => {
      await handle.sync();
      await handle.close();
      handle = await open(path, constants.O_RDWR | (isDevice ? constants.O_EXCL : 0));
    },
    close: () => handle.close(),
  };
}
