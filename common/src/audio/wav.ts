import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { SAMPLE_RATE } from '../../../protocol/src/limits.ts';

/** The one reader and the one writer of WAV files. Samples are copied as a whole: every machine this runs on is little-endian. */

/** Not a WAV that is needed here, or one that cannot be read or written. The text says what it is instead, and what to do. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

export interface WavAudio {
  readonly sampleRate: number;
  /** Mono. */
  readonly pcm: Int16Array;
}

/**
 * @returns the samples of a 16 kHz mono 16-bit PCM file
 * @throws {WavError} naming the file, with what was found instead
 */
export function readWav(path: string): Int16Array {
  const bytes = readBounded(path);
  try {
    return parseSpeechWav(bytes);
  } catch (error) {
    if (!(error instanceof WavError)) throw error;
    throw new WavError(`${path}: ${error.message}`, { cause: error });
  }
}

/** @returns the samples of a 16 kHz mono 16-bit PCM WAV. @throws {WavError} */
export function parseSpeechWav(bytes: Buffer): Int16Array {
  const { sampleRate, pcm } = parseWav(bytes);
  if (sampleRate !== SAMPLE_RATE) throw new WavError(`needed is 16 kHz; this is ${sampleRate} Hz. ${CONVERT}`);
  return pcm;
}

/** Mono 16-bit PCM of any rate; a file cut short (its writer was killed) gives what is there. @throws {WavError} */
export function parseWav(bytes: Buffer): WavAudio {
  const data = findWavData(bytes);
  if (data === undefined)
    throw new WavError(
      bytes.length < RIFF_HEADER_BYTES ? NO_WAV : 'the WAV file has no data chunk, or its header is cut short',
    );
  const body = bytes.subarray(data.from, data.from + data.length);
  return {
    sampleRate: data.sampleRate,
    pcm: new Int16Array(Uint8Array.from(body.subarray(0, body.length & ~1)).buffer),
  };
}

/** Where the samples lie, in bytes. */
export interface WavData {
  readonly sampleRate: number;
  readonly from: number;
  /** As its writer says: a program that streams cannot know it, and says 0 or 0xffffffff or whatever it likes. */
  readonly length: number;
}

/**
 * Finds the samples of a mono 16-bit PCM WAV in its first bytes.
 * @returns undefined when they do not reach to the samples
 * @throws {WavError}
 */
export function findWavData(bytes: Buffer): WavData | undefined {
  if (bytes.length < RIFF_HEADER_BYTES) return undefined;
  if (tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE') throw new WavError(NO_WAV);
  let sampleRate: number | undefined;
  for (let at = RIFF_HEADER_BYTES; at + CHUNK_HEADER_BYTES <= bytes.length;) {
    const [name, length, from] = [tag(bytes, at), bytes.readUInt32LE(at + 4), at + CHUNK_HEADER_BYTES];
    if (name === 'data') {
      if (sampleRate === undefined) throw new WavError('the WAV file has no format chunk before its data');
      return { sampleRate, from, length };
    }
    if (name === 'fmt ' && from + length <= bytes.length) sampleRate = rateOf(bytes.subarray(from, from + length));
    // Chunks are padded to even length.
    at = from + length + (length & 1);
  }
  return undefined;
}

function rateOf(format: Buffer): number {
  if (format.length < 16) throw new WavError('the WAV file has no whole format chunk');
  const tagged = format.readUInt16LE(0);
  const encoding = tagged === EXTENSIBLE && format.length >= 26 ? format.readUInt16LE(24) : tagged;
  const [channels, rate, bits] = [format.readUInt16LE(2), format.readUInt32LE(4), format.readUInt16LE(14)];
  if (encoding === PCM && channels === 1 && bits === 16) return rate;
  throw new WavError(
    `needed is mono 16-bit PCM; this is ${rate} Hz, ${channels} channel(s), ${bits}-bit, ` +
      `${encoding === PCM ? 'PCM' : `format code ${encoding}`}. ${CONVERT}`,
  );
}

function readBounded(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    if (size > MAX_WAV_BYTES) throw new WavError(`${path} is ${size} bytes; at most ${MAX_WAV_BYTES} are read`);
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(file, bytes, 0, size, 0));
  } catch (cause) {
    if (cause instanceof WavError) throw cause;
    throw new WavError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function tag(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + 4);
}

/** A 16 kHz mono WAV of these pieces, one after the other. */
export function wavOf(pieces: readonly Int16Array[]): Buffer<ArrayBuffer> {
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const wav = Buffer.alloc(HEADER_BYTES + length);
  header(length).copy(wav);
  let at = HEADER_BYTES;
  for (const { buffer, byteOffset, byteLength } of pieces)
    at += Buffer.from(buffer, byteOffset, byteLength).copy(wav, at);
  return wav;
}

/** A 16 kHz mono WAV that is valid after every write, so that a killed phone still leaves what it heard. */
export class WavWriter {
  readonly #path: string;
  readonly #file: number;
  readonly #pending = new Int16Array(FLUSH_SAMPLES);
  #filled = 0;
  #dataBytes = 0;
  #closed = false;

  /** @throws {WavError} it cannot be made */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'w');
      writeSync(this.#file, header(0), 0, HEADER_BYTES, 0);
    } catch (cause) {
      throw new WavError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** @throws {WavError} the disk or the file is full, or gone; what was written before stays valid */
  write(samples: Int16Array): void {
    let read = 0;
    while (read < samples.length) {
      const taken = Math.min(samples.length - read, FLUSH_SAMPLES - this.#filled);
      this.#pending.set(samples.subarray(read, read + taken), this.#filled);
      this.#filled += taken;
      read += taken;
      if (this.#filled === FLUSH_SAMPLES) this.#flush();
    }
  }

  /** @throws {WavError} */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#end();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending.buffer, 0, 2 * this.#filled);
    this.#filled = 0;
    try {
      // Data before the header: a reader never sees a length that is not there yet.
      writeSync(this.#file, bytes, 0, bytes.length, HEADER_BYTES + this.#dataBytes);
      this.#dataBytes += bytes.length;
      writeSync(this.#file, header(this.#dataBytes), 0, HEADER_BYTES, 0);
    } catch (cause) {
      this.#end();
      throw new WavError(`cannot write ${this.#path}: ${(cause as Error).message}`, { cause });
    }
    if (this.#dataBytes <= MAX_RECORDING_BYTES) return;
    this.#end();
    throw new WavError(`${this.#path} has reached the size limit of a recording`);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }
}

function header(dataBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(36 + dataBytes, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(PCM, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(SAMPLE_RATE, 24);
  bytes.writeUInt32LE(2 * SAMPLE_RATE, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(dataBytes, 40);
  return bytes;
}

/** Half an hour of 16 kHz mono and its header; what is longer is no caller's script. Bytes */
export const MAX_WAV_BYTES = 64 * 1024 * 1024;
const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
/** Of the files written here. */
const HEADER_BYTES = 44;
const PCM = 1;
/** WAVE_FORMAT_EXTENSIBLE: the true format stands in its sub-format. */
const EXTENSIBLE = 0xfffe;
/** One second at a time: few enough writes, and little lost when the process is killed. Samples */
const FLUSH_SAMPLES = SAMPLE_RATE;
/** 18 hours; the format itself ends at twice that. Bytes */
const MAX_RECORDING_BYTES = 0x7fff_ffff;
const NO_WAV = 'this is no WAV file (no RIFF/WAVE header)';
const CONVERT = 'Convert it: sox IN.wav -r 16000 -c 1 -b 16 OUT.wav';
