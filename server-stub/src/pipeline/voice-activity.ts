import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';
import type { VoiceActivity } from './ports.ts';

/** Emscripten's module of `@echogarden/fvad-wasm`: libfvad, the WebRTC voice activity detector. */
export interface FvadModule {
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _fvad_new(): number;
  _fvad_free(instance: number): void;
  _fvad_set_mode(instance: number, mode: number): number;
  _fvad_set_sample_rate(instance: number, rate: number): number;
  /** 1 voice, 0 none, −1 wrong length. */
  _fvad_process(instance: number, samples: number, length: number): number;
}

/** 0 (takes much for voice) … 3 (only what surely is). A room's noise must not become a turn. */
const MODE = 3;

/**
 * @returns makes one detector per conversation
 * @throws {Error} when the library or its WebAssembly file is not installed
 */
export async function loadVoiceActivity(): Promise<() => VoiceActivity> {
  const { default: instantiate } = await import('@echogarden/fvad-wasm');
  // Read here, because in the bundle the library would look for the file beside the bundle.
  const wasmFile = createRequire(import.meta.url).resolve('@echogarden/fvad-wasm/fvad.wasm');
  const module = await instantiate({ wasmBinary: await readFile(wasmFile) });
  return () => new WebRtcVoiceActivity(module);
}

class WebRtcVoiceActivity implements VoiceActivity {
  readonly #module: FvadModule;
  readonly #instance: number;
  readonly #samples: number;
  #closed = false;

  constructor(module: FvadModule) {
    this.#module = module;
    this.#instance = module._fvad_new();
    this.#samples = module._malloc(FRAME_SAMPLES * Int16Array.BYTES_PER_ELEMENT);
    module._fvad_set_mode(this.#instance, MODE);
    module._fvad_set_sample_rate(this.#instance, SAMPLE_RATE);
  }

  isVoice(frame: Int16Array): boolean {
    if (this.#closed || frame.length !== FRAME_SAMPLES) return false;
    this.#module.HEAP16.set(frame, this.#samples / Int16Array.BYTES_PER_ELEMENT);
    return this.#module._fvad_process(this.#instance, this.#samples, FRAME_SAMPLES) === 1;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#module._free(this.#samples);
    this.#module._fvad_free(this.#instance);
  }
}
