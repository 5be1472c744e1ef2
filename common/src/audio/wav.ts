import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { SAMPLE_RATE } from './framer.ts';
import { AudioError } from '../../../device/src/audio/ports.ts';

/** Half an hour of 16 kHz mono and its header; what is longer is no caller's script. Bytes */
export const MAX_WAV_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 44;
const PCM = 1;
/** WAVE_FORMAT_EXTENSIBLE: the true format stands in its sub-format. */
const EXTENSIBLE = 0xfffe;

/**
 * @returns the samples of a 16 kHz mono 16-bit PCM WAV
 * @throws {AudioError} bad-file, with what was found instead
 */
export function readWav(path: string): Int16Array {
  const bytes = readBounded(path);
  try {
    return parseWav(bytes);
  } catch (error) {
    if (!(error instanceof AudioError)) throw error;
    throw new AudioError('bad-file', `${path}: ${error.message}`, { cause: error });
  }
}

/** @throws {AudioError} bad-file */
export function parseWav(bytes: Buffer): Int16Array {
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE')
    throw bad('this is no WAV file (no RIFF/WAVE header)');
  let format: Buffer | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32LE(at + 4);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (tag(bytes, at) === 'fmt ') format = body;
    if (tag(bytes, at) === 'data') {
      checkFormat(format);
      return samplesOf(body);
    }
    // Chunks are padded to even length.
    at += 8 + length + (length & 1);
  }
  throw bad(format === undefined ? 'the WAV file has no format chunk' : 'the WAV file has no data chunk');
}

function checkFormat(format: Buffer | undefined): void {
  if (format === undefined || format.length < 16) throw bad('the WAV file has no format chunk before its data');
  const code =
    format.readUInt16LE(0) === EXTENSIBLE && format.length >= 26 ? format.readUInt16LE(24) : format.readUInt16LE(0);
  const channels = format.readUInt16LE(2);
  const rate = format.readUInt32LE(4);
  const bits = format.readUInt16LE(14);
  if (code === PCM && channels === 1 && rate === SAMPLE_RATE && bits === 16) return;
  throw bad(
    `needed is 16 kHz mono 16-bit PCM; this is ${rate} Hz, ${channels} channel(s), ${bits}-bit, ` +
      `${code === PCM ? 'PCM' : `format code ${code}`}. Convert it: sox IN.wav -r 16000 -c 1 -b 16 OUT.wav`,
  );
}

/** A file cut short (its writer was killed) gives what is there. Copied as a whole: every machine we run on is little-endian. */
function samplesOf(data: Buffer): Int16Array {
  return new Int16Array(Uint8Array.from(data.subarray(0, data.length & ~1)).buffer);
}

function readBounded(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    if (size > MAX_WAV_BYTES) throw bad(`${path} is ${size} bytes; at most ${MAX_WAV_BYTES} are read`);
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(file, bytes, 0, size, 0));
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    throw new AudioError('bad-file', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function tag(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + 4);
}

function bad(message: string): AudioError {
  return new AudioError('bad-file', message);
}

/** One second at a time: few enough writes, and little lost when the process is killed. Samples */
const FLUSH_SAMPLES = SAMPLE_RATE;
/** 18 hours; the format itself ends at twice that. Bytes */
const MAX_RECORDING_BYTES = 0x7fff_ffff;

/** A 16 kHz mono WAV that is valid after every write, so that a killed phone still leaves what it heard. */
export class WavWriter {
  readonly #path: string;
  readonly #file: number;
  readonly #pending = new Int16Array(FLUSH_SAMPLES);
  #filled = 0;
  #dataBytes = 0;
  #closed = false;

  /** @throws {AudioError} bad-file: it cannot be made */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'w');
      writeSync(this.#file, header(0), 0, HEADER_BYTES, 0);
    } catch (cause) {
      throw new AudioError('bad-file', `cannot write ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** @throws {AudioError} bad-file: the disk or the file is full, or gone; what was written before stays valid */
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

  /** @throws {AudioError} bad-file */
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
      throw new AudioError('bad-file', `cannot write ${this.#path}: ${(cause as Error).message}`, { cause });
    }
    if (this.#dataBytes <= MAX_RECORDING_BYTES) return;
    this.#end();
    throw bad(`${this.#path} has reached the size limit of a recording`);
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
