import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';

/** One thing a caller says: frames, and what each is once encoded. Shared by every phone of a process. */
export interface Utterance {
  readonly frames: readonly Int16Array[];
}

export interface Repertoire {
  readonly utterances: readonly Utterance[];
  /** Of a quiet room, a second long, over and over. Digital silence would cost an encoder, a decoder and the network next to nothing. */
  readonly silence: Utterance;
  /** By the frame's identity. */
  readonly payloads: WeakMap<Int16Array, Uint8Array>;
}

/** Encodes everything a caller will ever say, once, in the order in which it is said. */
export function prepareRepertoire(
  codecs: CodecFactory,
  codec: CodecName,
  utterances: readonly Utterance[],
): Repertoire {
  const payloads = new WeakMap<Int16Array, Uint8Array>();
  const random = seededRandom(1);
  const silence = {
    frames: Array.from({ length: SILENCE_FRAMES }, () =>
      Int16Array.from({ length: FRAME_SAMPLES }, () => Math.round((random() * 2 - 1) * ROOM_PEAK)),
    ),
  };
  const encoder = codecs.encoder(codec);
  for (const { frames } of [silence, ...utterances])
    for (const frame of frames) payloads.set(frame, encoder.encode(frame));
  encoder.close();
  return { utterances, silence, payloads };
}

const SILENCE_FRAMES = 50;
/** White noise of −65 dBFS. */
const ROOM_PEAK = Math.sqrt(3) * 32_768 * 10 ** (-65 / 20);

/**
 * Codecs for a phone whose words are known beforehand: they look up instead of encoding, and hear without decoding.
 * Everything else of the phone is the device's own code. Without this, encoding on the caller's side would cost the
 * machine five times what the server costs, and a load test would measure itself.
 */
export function replayCodecs(repertoire: Repertoire, codec: CodecName): CodecFactory {
  return {
    available: [codec],
    describe: () => 'replayed',
    prepare: () => Promise.resolve(),
    encoder: () => ({
      codec,
      encode(pcm) {
        const payload = repertoire.payloads.get(pcm);
        if (payload === undefined) throw new Error('a load phone may say only what was encoded beforehand');
        return payload;
      },
      tune() {},
      close() {},
    }),
    decoder: () => ({
      codec,
      decode: () => new Int16Array(FRAME_SAMPLES),
      recover: () => undefined,
      conceal: () => new Int16Array(FRAME_SAMPLES),
      close() {},
    }),
  };
}
