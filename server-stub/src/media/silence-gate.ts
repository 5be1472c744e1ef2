import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { ExtendedSequence } from '../../../protocol/src/index.ts';

/**
 * Keeps silence from being decoded: with the receiver up most frames are a quiet room, and decoding them is the largest
 * cost of a conversation. An Opus packet says by itself whether the phone's encoder found voice in it (its VAD flag).
 *
 *   voice            → open: decoded at once
 *   silence          → for a while still decoded, in case it is a pause; then held
 *   held for 200 ms  → not decoded, only reported as quiet
 *   voice again      → what is held is decoded first: the quiet beginning of a word, and a run-up for the decoder
 *
 * Quiet frames are reported without samples, not as zeros: voice activity detection would adapt to zeros.
 */
export class SilenceGate {
  readonly #options: SilenceGateOptions;
  readonly #held: { readonly payload: Uint8Array; readonly sequence: ExtendedSequence }[] = [];
  #silentFrames = 0;

  constructor(options: SilenceGateOptions) {
    this.#options = options;
  }

  take(payload: Uint8Array, sequence: ExtendedSequence): void {
    const { silent, listening, quiet } = this.#options;
    if (!silent(payload) || listening()) this.open();
    else this.#silentFrames++;
    if (this.#silentFrames <= OPEN_FRAMES) return this.#decode(payload, sequence);
    this.#held.push({ payload, sequence });
    if (this.#held.length > HELD_FRAMES) quiet(this.#held.shift()!.sequence);
  }

  /** Decodes what is held, and for a while all that comes. */
  open(): void {
    this.#silentFrames = 0;
    if (this.#held.length === 0) return;
    for (const { payload, sequence } of this.#held.splice(0)) this.#decode(payload, sequence);
  }

  #decode(payload: Uint8Array, sequence: ExtendedSequence): void {
    this.#options.hear(this.#options.decode(payload), sequence);
  }
}

export interface SilenceGateOptions {
  /** The sender found no voice in this packet. */
  readonly silent: (payload: Uint8Array) => boolean;
  /** The patient has the floor: their pauses must be heard as they are, and in time. */
  readonly listening: () => boolean;
  readonly decode: (payload: Uint8Array) => Int16Array;
  /** With `quiet`: in order, each number once. */
  readonly hear: (pcm: Int16Array, sequence: ExtendedSequence) => void;
  /** A frame of silence that was not decoded. */
  readonly quiet: (sequence: ExtendedSequence) => void;
}

const OPEN_FRAMES = 100 / FRAME_MS;
/** As long as the pre-roll of an utterance. */
const HELD_FRAMES = 200 / FRAME_MS;
