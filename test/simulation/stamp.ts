import { FRAME_SAMPLES } from '../../protocol/src/index.ts';

/**
 * Every 20 ms of sound in the simulation says what it is: its samples carry a stamp, which the fake codec carries
 * across the wire and which is read again from what leaves the speaker or reaches the server's ear. So it is known frame
 * by frame what was heard, and the way in between is the real one.
 */
export interface Stamp {
  readonly kind: StampKind;
  /** Which response, utterance or prompt. */
  readonly source: number;
  /** Place within the source, in frames. */
  readonly index: number;
}

/** `private`: what the microphone takes while the receiver lies on its hook; nobody may hear it. */
export const StampKind = { response: 1, quiet: 2, speech: 3, prompt: 4, private: 5 } as const;
export type StampKind = (typeof StampKind)[keyof typeof StampKind];

export const STAMP_BYTES = 10;
/** Behind any cross-fade at the start of a frame (10 ms at most), so that a faded frame is still read. */
const STAMP_AT = 300;
const MAGIC = 0x2a5b;
const LEVEL = 4_000;
const TEMPLATE = new Int16Array(FRAME_SAMPLES).fill(LEVEL);
TEMPLATE[STAMP_AT] = MAGIC;

/** 320 samples that carry the stamp; the caller's to keep. */
export function stampedFrame(kind: StampKind, source: number, index: number): Int16Array {
  const frame = TEMPLATE.slice();
  writeStamp(frame, 0, kind, source, index);
  return frame;
}

/** Stamps the frame that begins at `offset` of a longer piece of sound. */
export function writeStamp(samples: Int16Array, offset: number, kind: StampKind, source: number, index: number): void {
  const at = offset + STAMP_AT;
  samples[at] = MAGIC;
  samples[at + 1] = kind;
  samples[at + 2] = source & 0x7fff;
  samples[at + 3] = source >> 15;
  samples[at + 4] = index & 0x7fff;
  samples[at + 5] = index >> 15;
}

/** Several frames in one piece. */
export function stampedSound(kind: StampKind, source: number, firstIndex: number, frames: number): Int16Array {
  const sound = new Int16Array(frames * FRAME_SAMPLES).fill(LEVEL);
  for (let frame = 0; frame < frames; frame++)
    writeStamp(sound, frame * FRAME_SAMPLES, kind, source, firstIndex + frame);
  return sound;
}

/** @returns undefined for sound without a stamp: comfort noise, concealment, silence */
export function readStamp(frame: Int16Array): Stamp | undefined {
  if (frame[STAMP_AT] !== MAGIC) return undefined;
  return {
    kind: frame[STAMP_AT + 1] as StampKind,
    source: frame[STAMP_AT + 2]! | (frame[STAMP_AT + 3]! << 15),
    index: frame[STAMP_AT + 4]! | (frame[STAMP_AT + 5]! << 15),
  };
}

/** The stamp as a codec's payload. */
export function packStamp(frame: Int16Array): Uint8Array {
  const payload = new Uint8Array(STAMP_BYTES);
  if (frame[STAMP_AT] !== MAGIC) return payload;
  for (let word = 0; word < 5; word++) {
    const value = frame[STAMP_AT + 1 + word]!;
    payload[2 * word] = value & 0xff;
    payload[2 * word + 1] = value >> 8;
  }
  return payload;
}

export function unpackStamp(payload: Uint8Array): Stamp | undefined {
  const kind = payload[0]!;
  if (kind === 0) return undefined;
  return {
    kind: kind as StampKind,
    source: payload[2]! | (payload[3]! << 8) | ((payload[4]! | (payload[5]! << 8)) << 15),
    index: payload[6]! | (payload[7]! << 8) | ((payload[8]! | (payload[9]! << 8)) << 15),
  };
}

/** What a decoder makes of such a payload. */
export function soundOf(payload: Uint8Array): Int16Array {
  const stamp = unpackStamp(payload);
  return stamp === undefined ? new Int16Array(FRAME_SAMPLES) : stampedFrame(stamp.kind, stamp.source, stamp.index);
}
