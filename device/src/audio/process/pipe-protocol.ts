import { FRAME_BYTES, FRAME_SAMPLES } from '../../../../protocol/src/limits.ts';

/*
 * What crosses the pipe between the daemon and the process that holds the sound card. One record:
 *
 *     offset  size  field
 *          0     1  type
 *          1     1  0xBD: a byte that native code printing into the wrong descriptor will not hit for long
 *          2     2  length of the body, bytes
 *          4     4  id: the frame's number; of `play` the `want` that it answers
 *          8     8  the sender's monotonic clock, ms (double)
 *         16     2  queued: of `want`, samples that the speaker still has before the next frame
 *         18     …  body: 640 bytes of PCM, or JSON
 *
 * Everything is little-endian: both ends are the same machine.
 */

export const RecordType = {
  /** child → daemon: the card is open. JSON `ReadyInfo`. */
  ready: 1,
  /** child → daemon: one microphone frame. */
  capture: 2,
  /** child → daemon: the card took a frame, send the next. No body. */
  want: 3,
  /** child → daemon: it cannot go on. JSON `FaultInfo`. */
  fault: 4,
  /** child → daemon: JSON array of `AudioDeviceInfo`. */
  devices: 5,
  /** daemon → child: one speaker frame. */
  play: 16,
} as const;

export type RecordTypeId = (typeof RecordType)[keyof typeof RecordType];

export interface ReadyInfo {
  readonly description: string;
  /** From the end of what is queued to the speaker. */
  readonly cardDelayMs: number;
}

export interface FaultInfo {
  readonly fault: string;
  readonly message: string;
}

export const HEADER_BYTES = 18;
const MAGIC = 0xbd;
const MAX_BODY_BYTES = 0xffff;

/** The pipe carried something else than records. The child that sent it is beyond trust. */
export class ChildProtocolError extends Error {
  override readonly name = 'ChildProtocolError';
}

/** One record's header, and its body as fresh memory of its own. */
export interface ChildRecord {
  readonly type: RecordTypeId;
  readonly id: number;
  readonly stampMs: number;
  readonly queuedSamples: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A record of 20 ms whose samples are still to be filled in, in place: no copy between `render` and the pipe. */
export interface FrameRecord {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly samples: Int16Array;
}

export function frameRecord(type: RecordTypeId, id: number, stampMs: number, queuedSamples: number): FrameRecord {
  const memory = new ArrayBuffer(HEADER_BYTES + FRAME_BYTES);
  writeHeader(memory, type, FRAME_BYTES, id, stampMs, queuedSamples);
  return { bytes: new Uint8Array(memory), samples: new Int16Array(memory, HEADER_BYTES, FRAME_SAMPLES) };
}

export function emptyRecord(type: RecordTypeId, id: number, stampMs: number, queuedSamples: number): Uint8Array {
  const memory = new ArrayBuffer(HEADER_BYTES);
  writeHeader(memory, type, 0, id, stampMs, queuedSamples);
  return new Uint8Array(memory);
}

/** @throws {ChildProtocolError} when the JSON is over 64 KiB */
export function jsonRecord(type: RecordTypeId, value: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  if (body.length > MAX_BODY_BYTES)
    throw new ChildProtocolError(`record of ${body.length} bytes is over the limit of ${MAX_BODY_BYTES}`);
  const memory = new ArrayBuffer(HEADER_BYTES + body.length);
  writeHeader(memory, type, body.length, 0, 0, 0);
  const bytes = new Uint8Array(memory);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

function writeHeader(
  memory: ArrayBuffer,
  type: number,
  length: number,
  id: number,
  stampMs: number,
  queuedSamples: number,
): void {
  const view = new DataView(memory);
  view.setUint8(0, type);
  view.setUint8(1, MAGIC);
  view.setUint16(2, length, true);
  view.setUint32(4, id, true);
  view.setFloat64(8, stampMs, true);
  view.setUint16(16, Math.min(0xffff, queuedSamples), true);
}

/** The samples of a `capture` or `play` record, without a copy. */
export function samplesOf(record: ChildRecord): Int16Array {
  return new Int16Array(record.body.buffer, 0, FRAME_SAMPLES);
}

/** @throws {ChildProtocolError} */
export function jsonOf(record: ChildRecord): unknown {
  try {
    return JSON.parse(Buffer.from(record.body).toString('utf8'));
  } catch (cause) {
    throw new ChildProtocolError('record holds no JSON', { cause });
  }
}

/** Bytes in any pieces → records, in wire order: header, then body. Holds one record at most. */
export class RecordParser {
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  readonly #accepts: ReadonlySet<number>;
  readonly #onRecord: (record: ChildRecord) => void;
  #body: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;

  constructor(accepts: readonly RecordTypeId[], onRecord: (record: ChildRecord) => void) {
    this.#accepts = new Set<number>(accepts);
    this.#onRecord = onRecord;
  }

  /** @throws {ChildProtocolError} the stream is corrupt; the parser is of no use any more */
  push(chunk: Uint8Array): void {
    let read = 0;
    while (read < chunk.length) {
      read += this.#body === undefined ? this.#readHeader(chunk, read) : this.#readBody(this.#body, chunk, read);
    }
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    const taken = this.#fill(this.#header, chunk, start);
    if (this.#filled < HEADER_BYTES) return taken;
    this.#filled = 0;
    this.#body = new Uint8Array(this.#checkedLength());
    if (this.#body.length === 0) this.#emit(this.#body);
    return taken;
  }

  #readBody(body: Uint8Array<ArrayBuffer>, chunk: Uint8Array, start: number): number {
    const taken = this.#fill(body, chunk, start);
    if (this.#filled === body.length) this.#emit(body);
    return taken;
  }

  #fill(target: Uint8Array, chunk: Uint8Array, start: number): number {
    const taken = Math.min(target.length - this.#filled, chunk.length - start);
    target.set(chunk.subarray(start, start + taken), this.#filled);
    this.#filled += taken;
    return taken;
  }

  #checkedLength(): number {
    const type = this.#view.getUint8(0);
    const length = this.#view.getUint16(2, true);
    if (this.#view.getUint8(1) !== MAGIC) throw new ChildProtocolError('record does not begin as one');
    if (!this.#accepts.has(type)) throw new ChildProtocolError(`record of type ${type} is not for this end`);
    if (!lengthIsLegal(type, length))
      throw new ChildProtocolError(`record of type ${type} cannot be ${length} bytes long`);
    if (!Number.isFinite(this.#view.getFloat64(8, true))) throw new ChildProtocolError('record has no time stamp');
    return length;
  }

  #emit(body: Uint8Array<ArrayBuffer>): void {
    const view = this.#view;
    this.#body = undefined;
    this.#filled = 0;
    this.#onRecord({
      type: view.getUint8(0) as RecordTypeId,
      id: view.getUint32(4, true),
      stampMs: view.getFloat64(8, true),
      queuedSamples: view.getUint16(16, true),
      body,
    });
  }
}

function lengthIsLegal(type: number, length: number): boolean {
  if (type === RecordType.capture || type === RecordType.play) return length === FRAME_BYTES;
  if (type === RecordType.want) return length === 0;
  return length > 0;
}
