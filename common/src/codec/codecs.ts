import type { CodecName } from '../../../protocol/src/index.ts';
import { SAMPLE_RATE, FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import type { OpusDecoderHandle, OpusEncoderHandle } from 'libopus-wasm';
import type { Log } from '../system/log.ts';
import { NativeDecoderPool, NativeOpusDecoder, WasmOpusDecoder } from './opus-decoder.ts';
import { COMPLEXITY, NativeEncoderPool, NativeOpusEncoder, WasmOpusEncoder } from './opus-encoder.ts';
import { loadNativeOpus, type NativeOpusClass } from './opus-native.ts';
import { PcmDecoder, PcmEncoder } from './pcm.ts';
import { CodecError, type Decoder, type Encoder, type EncoderTuning } from './ports.ts';
import { CLEAN_LINK } from './tuning.ts';

type Libopus = typeof import('libopus-wasm');

/** Makes encoders and decoders, whatever bindings this machine has. */
export interface CodecFactory {
  /** @throws {CodecError} not-installed */
  encoder(codec: CodecName, settings?: EncoderTuning): Encoder;
  /** @throws {CodecError} not-installed */
  decoder(codec: CodecName): Decoder;
  /** Codecs that can be offered in `hello`, best first. */
  readonly available: readonly CodecName[];
  /** Which binding serves, for a person: 'encode @discordjs/opus, decode libopus-wasm (libopus 1.6.1)'. */
  describe(): string;
  /** Resolves when `count` decoders (and encoders) can be made in one turn of the event loop. */
  prepare(count: number): Promise<void>;
}

/** How the two bindings are loaded; tests take either away. */
export interface CodecLoaders {
  native(): NativeOpusClass;
  wasm(): Promise<Libopus>;
}

const LOADERS: CodecLoaders = { native: loadNativeOpus, wasm: () => import('libopus-wasm') };

/** Encoder: native, else WebAssembly. Decoder: WebAssembly (it has FEC), else native. Never fails: PCM always serves. */
export async function loadCodecs(log: Log, loaders: CodecLoaders = LOADERS): Promise<CodecFactory> {
  const native = tryNative(log, loaders);
  const wasm = await tryWasm(log, loaders);
  const factory = new Codecs(native, wasm?.library, wasm?.version);
  await factory.prepare(SPARES);
  log.info('codec.serving', { serving: factory.describe() });
  return factory;
}

function tryNative(log: Log, loaders: CodecLoaders): NativeOpusClass | undefined {
  try {
    return loaders.native();
  } catch (error) {
    log.warn('codec.native-missing', { reason: messageOf(error) });
    return undefined;
  }
}

async function tryWasm(log: Log, loaders: CodecLoaders): Promise<{ library: Libopus; version: string } | undefined> {
  try {
    const library = await loaders.wasm();
    const { version } = await library.loadLibopus();
    return { library, version };
  } catch (error) {
    log.warn('codec.wasm-missing', { reason: messageOf(error) });
    return undefined;
  }
}

/** A few can be made within one turn of the event loop; each that is taken is replaced at once. */
const SPARES = 4;

class Codecs implements CodecFactory {
  readonly available: readonly CodecName[];
  readonly #encoders: NativeEncoderPool | undefined;
  readonly #nativeDecoders: NativeDecoderPool | undefined;
  readonly #wasm: Libopus | undefined;
  readonly #wasmVersion: string | undefined;
  readonly #spareDecoders: OpusDecoderHandle[] = [];
  readonly #spareEncoders: OpusEncoderHandle[] = [];

  constructor(native: NativeOpusClass | undefined, wasm: Libopus | undefined, wasmVersion: string | undefined) {
    this.#encoders = native && new NativeEncoderPool(native);
    this.#nativeDecoders = native && new NativeDecoderPool(native);
    this.#wasm = wasm;
    this.#wasmVersion = wasmVersion;
    this.available = native || wasm ? ['opus', 'pcm'] : ['pcm'];
  }

  encoder(codec: CodecName, settings: EncoderTuning = CLEAN_LINK): Encoder {
    if (codec === 'pcm') return new PcmEncoder();
    if (this.#encoders) return new NativeOpusEncoder(this.#encoders, settings);
    const handle = this.#spareEncoders.pop();
    this.#refill();
    if (handle) return new WasmOpusEncoder(handle, settings);
    throw this.#nothingLeft();
  }

  decoder(codec: CodecName): Decoder {
    if (codec === 'pcm') return new PcmDecoder();
    const handle = this.#spareDecoders.pop();
    this.#refill();
    if (handle) return new WasmOpusDecoder(handle);
    if (this.#nativeDecoders && !this.#wasm) return new NativeOpusDecoder(this.#nativeDecoders);
    throw this.#nothingLeft();
  }

  describe(): string {
    if (!this.available.includes('opus')) return 'pcm only: no Opus binding could be loaded';
    const wasm = `libopus-wasm (${this.#wasmVersion})`;
    const encode = this.#encoders ? '@discordjs/opus' : wasm;
    const decode = this.#wasm ? wasm : '@discordjs/opus, without FEC';
    return `encode ${encode}, decode ${decode}`;
  }

  /** libopus-wasm makes instances asynchronously, though at once; a small stock lets callers be synchronous. */
  async prepare(count: number): Promise<void> {
    if (!this.#wasm) return;
    while (this.#spareDecoders.length < count) {
      this.#spareDecoders.push(
        await this.#wasm.createDecoder({ sampleRate: SAMPLE_RATE, channels: 1, maxFrameSize: FRAME_SAMPLES }),
      );
    }
    while (!this.#encoders && this.#spareEncoders.length < count)
      this.#spareEncoders.push(await this.#makeEncoder(this.#wasm));
  }

  #makeEncoder(wasm: Libopus): Promise<OpusEncoderHandle> {
    return wasm.createEncoder({
      sampleRate: SAMPLE_RATE,
      channels: 1,
      application: wasm.Application.Voip,
      signal: wasm.Signal.Voice,
      complexity: COMPLEXITY,
    });
  }

  #refill(): void {
    // Out of memory is the only way this fails; the next call then says so.
    this.prepare(SPARES).catch(() => {});
  }

  #nothingLeft(): CodecError {
    return this.#wasm
      ? new CodecError(
          'not-installed',
          'more Opus instances were asked for at once than are in stock: await prepare(count) first',
        )
      : new CodecError('not-installed', "no Opus binding could be loaded; use PCM, or run 'npm install' again");
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
