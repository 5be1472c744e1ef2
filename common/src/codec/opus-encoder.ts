import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';
import type { OpusEncoderHandle } from 'libopus-wasm';
import { RESET_STATE, type NativeOpus, type NativeOpusClass } from './opus-native.ts';
import { CodecError, type Encoder, type EncoderTuning } from './ports.ts';

/** Encoder control requests of libopus (opus_defines.h). */
const SET_APPLICATION = 4000;
const SET_COMPLEXITY = 4010;
const SET_INBAND_FEC = 4012;
const SET_PACKET_LOSS_PERC = 4014;
const SET_SIGNAL = 4024;
const APPLICATION_VOIP = 2048;
const SIGNAL_VOICE = 3001;
/** Half the processor time of 10, and no difference that a 16 kHz telephone voice shows. */
export const COMPLEXITY = 5;

/**
 * Native encoders that were closed. Each holds 67 KB that the garbage collector does not see, so they are
 * used again rather than left to it.
 */
export class NativeEncoderPool {
  readonly #native: NativeOpusClass;
  readonly #idle: NativeOpus[] = [];

  constructor(native: NativeOpusClass) {
    this.#native = native;
  }

  take(): NativeOpus {
    const used = this.#idle.pop();
    if (used !== undefined) {
      used.applyEncoderCTL(RESET_STATE, 0);
      return used;
    }
    const fresh = new this.#native(SAMPLE_RATE, 1);
    // Speech coding (SILK) and with it in-band FEC; libopus takes this before the first frame only.
    fresh.applyEncoderCTL(SET_APPLICATION, APPLICATION_VOIP);
    fresh.applyEncoderCTL(SET_SIGNAL, SIGNAL_VOICE);
    fresh.applyEncoderCTL(SET_COMPLEXITY, COMPLEXITY);
    return fresh;
  }

  give(encoder: NativeOpus): void {
    this.#idle.push(encoder);
  }
}

export class NativeOpusEncoder implements Encoder {
  readonly codec = 'opus';
  readonly #pool: NativeEncoderPool;
  #native: NativeOpus | undefined;

  constructor(pool: NativeEncoderPool, settings: EncoderTuning) {
    this.#pool = pool;
    this.#native = pool.take();
    this.tune(settings);
  }

  encode(pcm: Int16Array): Uint8Array {
    const native = open(this.#native);
    checkFrame(pcm);
    return native.encode(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  }

  tune(settings: EncoderTuning): void {
    const native = open(this.#native);
    native.setBitrate(settings.bitrate);
    native.applyEncoderCTL(SET_INBAND_FEC, settings.inbandFec ? 1 : 0);
    native.applyEncoderCTL(SET_PACKET_LOSS_PERC, Math.round(settings.expectedLoss));
  }

  close(): void {
    if (this.#native !== undefined) this.#pool.give(this.#native);
    this.#native = undefined;
  }
}

export class WasmOpusEncoder implements Encoder {
  readonly codec = 'opus';
  #handle: OpusEncoderHandle | undefined;

  constructor(handle: OpusEncoderHandle, settings: EncoderTuning) {
    this.#handle = handle;
    this.tune(settings);
  }

  encode(pcm: Int16Array): Uint8Array {
    const handle = open(this.#handle);
    checkFrame(pcm);
    return handle.encode(pcm);
  }

  tune(settings: EncoderTuning): void {
    const handle = open(this.#handle);
    handle.setBitrate(settings.bitrate);
    handle.setFec(settings.inbandFec);
    handle.setPacketLossPercent(Math.round(settings.expectedLoss));
  }

  close(): void {
    this.#handle?.free();
    this.#handle = undefined;
  }
}

function open<T>(instance: T | undefined): T {
  if (instance === undefined) throw new CodecError('closed', 'this encoder was closed; make a new one');
  return instance;
}

/** The guard that native code relies on: nothing but 320 samples passes. */
export function checkFrame(pcm: Int16Array): void {
  if (pcm instanceof Int16Array && pcm.length === FRAME_SAMPLES) return;
  throw new CodecError(
    'wrong-size',
    `an encoder takes ${FRAME_SAMPLES} samples in an Int16Array, this has ${pcm?.length}`,
  );
}
