import type { CodecName } from '../../../protocol/src/index.ts';

/** 20 ms in, one payload out. */
export interface Encoder {
  readonly codec: CodecName;
  /**
   * @param pcm exactly 320 samples
   * @returns the payload (Opus packet, or 640 bytes of L16 in network byte order); the caller's to keep
   * @throws {CodecError} wrong-size; native code never sees a wrong-sized buffer (it aborts the process)
   */
  encode(pcm: Int16Array): Uint8Array;
  /** Follows the link. PCM ignores it. */
  tune(settings: EncoderTuning): void;
  close(): void;
}

export interface EncoderTuning {
  readonly bitrate: number;
  readonly inbandFec: boolean;
  /** Percent. */
  readonly expectedLoss: number;
}

/** One payload in, 20 ms out. One decoder must see every frame of its stream, lost ones included. */
export interface Decoder {
  readonly codec: CodecName;
  /** @returns 320 samples, the caller's to keep. @throws {CodecError} garbage, or not 20 ms */
  decode(payload: Uint8Array): Int16Array;
  /** The frame before `next`, from its in-band FEC; `undefined` when it carries none (or the binding cannot). */
  recover(next: Uint8Array): Int16Array | undefined;
  /** No voice is in this payload, as can be told without decoding it; absent where the codec cannot tell. */
  silent?(payload: Uint8Array): boolean;
  /** 20 ms of packet-loss concealment. PCM's fades a repetition; silence after 60 ms. */
  conceal(): Int16Array;
  close(): void;
}

export type CodecFault = 'wrong-size' | 'garbage' | 'not-installed' | 'closed';

export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly fault: CodecFault;

  constructor(fault: CodecFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
