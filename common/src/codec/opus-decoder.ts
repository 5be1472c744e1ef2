import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';
import type { OpusDecoderHandle } from 'libopus-wasm';
import { RESET_STATE, type NativeOpus, type NativeOpusClass } from './opus-native.ts';
import { hasLbrr, isOneMonoFrame, isSilence, packetMs } from './opus-packet.ts';
import { CodecError, type Decoder } from './ports.ts';

/** The full decoder: FEC and exact 20 ms concealment, from one libopus state that sees every frame. */
export class WasmOpusDecoder implements Decoder {
  readonly codec = 'opus';
  #handle: OpusDecoderHandle | undefined;

  constructor(handle: OpusDecoderHandle) {
    this.#handle = handle;
  }

  decode(payload: Uint8Array): Int16Array {
    const handle = open(this.#handle);
    checkPacket(payload);
    return guarded(() => handle.decode(payload));
  }

  recover(next: Uint8Array): Int16Array | undefined {
    const handle = open(this.#handle);
    if (!hasLbrr(next)) return undefined;
    try {
      return handle.decode(next, { decodeFec: true, frameSize: FRAME_SAMPLES });
    } catch {
      // A packet too broken to recover from recovers nothing; it is refused by itself when its turn comes.
      return undefined;
    }
  }

  silent(payload: Uint8Array): boolean {
    return isSilence(payload);
  }

  conceal(): Int16Array {
    return open(this.#handle).decodePacketLoss(FRAME_SAMPLES);
  }

  close(): void {
    this.#handle?.free();
    this.#handle = undefined;
  }
}

/** Native instances that were closed, as `NativeEncoderPool`. */
export class NativeDecoderPool {
  readonly #native: NativeOpusClass;
  readonly #idle: NativeOpus[] = [];

  constructor(native: NativeOpusClass) {
    this.#native = native;
  }

  take(): NativeOpus {
    const instance = this.#idle.pop() ?? new this.#native(SAMPLE_RATE, 1);
    instance.applyDecoderCTL(RESET_STATE, 0);
    return instance;
  }

  give(decoder: NativeOpus): void {
    this.#idle.push(decoder);
  }
}

/**
 * The decoder of `@discordjs/opus`, for when WebAssembly cannot serve. It hard-codes `decode_fec = 0`, so it
 * conceals but cannot recover.
 */
export class NativeOpusDecoder implements Decoder {
  readonly codec = 'opus';
  readonly #pool: NativeDecoderPool;
  #native: NativeOpus | undefined;
  /** A packet of its TOC byte alone asks libopus for concealment of that length; an empty one would give 360 ms. */
  readonly #lost = Buffer.of(SILK_WIDEBAND_20_MS);

  constructor(pool: NativeDecoderPool) {
    this.#pool = pool;
    this.#native = pool.take();
  }

  decode(payload: Uint8Array): Int16Array {
    const native = open(this.#native);
    checkPacket(payload);
    const pcm = guarded(() => samples(native.decode(asBuffer(payload))));
    if ((payload[0]! & FRAME_COUNT_CODE) === 0) this.#lost[0] = payload[0]!;
    return pcm;
  }

  recover(): undefined {
    open(this.#native);
    return undefined;
  }

  silent(payload: Uint8Array): boolean {
    return isSilence(payload);
  }

  conceal(): Int16Array {
    return samples(open(this.#native).decode(this.#lost));
  }

  close(): void {
    if (this.#native !== undefined) this.#pool.give(this.#native);
    this.#native = undefined;
  }
}

/** TOC of a 20 ms wideband SILK frame: what concealment is asked for before any packet came. */
const SILK_WIDEBAND_20_MS = 9 << 3;
/** 0: the packet is one frame, so its TOC byte says 20 ms by itself. */
const FRAME_COUNT_CODE = 3;

function open<T>(instance: T | undefined): T {
  if (instance === undefined) throw new CodecError('closed', 'this decoder was closed; make a new one');
  return instance;
}

function checkPacket(payload: Uint8Array): void {
  if (isOneMonoFrame(payload)) return;
  throw new CodecError(
    'garbage',
    `want an Opus packet of one 20 ms mono frame, this one of ${payload.length} bytes says ${packetMs(payload)} ms`,
  );
}

function guarded(decode: () => Int16Array): Int16Array {
  let pcm: Int16Array;
  try {
    pcm = decode();
  } catch (cause) {
    throw new CodecError('garbage', 'libopus refuses this packet', { cause });
  }
  if (pcm.length !== FRAME_SAMPLES)
    throw new CodecError('garbage', `the packet decoded to ${pcm.length} samples, want ${FRAME_SAMPLES}`);
  return pcm;
}

function asBuffer(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** Copies: the bytes need not lie on an even address. */
function samples(bytes: Buffer): Int16Array {
  const copy = new Int16Array(bytes.length >> 1);
  new Uint8Array(copy.buffer).set(bytes.subarray(0, copy.byteLength));
  return copy;
}
