import { Framer } from '../../../common/src/audio/framer.ts';
import type { Encoder, EncoderTuning } from '../../../common/src/codec/ports.ts';
import { CLEAN_LINK } from '../../../common/src/codec/tuning.ts';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import type { CodecName } from '../../../protocol/src/index.ts';
import type { ServerCodecs } from './codecs.ts';

/** Counts frames that were encoded, not those that were reused. */
interface EncoderStats {
  framesEncoded: number;
}

/**
 * Recordings that many patients hear are encoded once: by recording, codec and tuning, frame by frame as the first patient
 * gets them. Each has an encoder of its own, so that it starts like a stream for every decoder.
 */
export class EncodedRecordings {
  readonly #codecs: ServerCodecs;
  readonly #stats: EncoderStats;
  /** Gone with the recording itself. */
  readonly #byRecording = new WeakMap<Int16Array, Map<CodecName | EncoderTuning, EncodedRecording>>();

  constructor(codecs: ServerCodecs, stats: EncoderStats) {
    this.#codecs = codecs;
    this.#stats = stats;
  }

  /** @param tuning one of the few of the tuner's table */
  of(pcm: Int16Array, codec: CodecName, tuning: EncoderTuning): EncodedRecording {
    const versions = this.#byRecording.get(pcm) ?? new Map<CodecName | EncoderTuning, EncodedRecording>();
    this.#byRecording.set(pcm, versions);
    // PCM has but one version.
    const key = codec === 'pcm' ? codec : tuning;
    const known = versions.get(key);
    if (known !== undefined) return known;
    const made = new EncodedRecording(pcm, this.#codecs.encoder(codec, tuning), this.#stats);
    versions.set(key, made);
    return made;
  }
}

/** One recording, encoded as far as it was needed so far. */
class EncodedRecording {
  readonly length: number;
  readonly #frames: Uint8Array[] = [];
  readonly #stats: EncoderStats;
  readonly #source: Iterator<Int16Array>;
  #encoder: Encoder | undefined;

  constructor(pcm: Int16Array, encoder: Encoder, stats: EncoderStats) {
    this.#encoder = encoder;
    this.#stats = stats;
    this.#source = paddedFrames(pcm);
    this.length = Math.ceil(pcm.length / FRAME_SAMPLES);
  }

  at(index: number): Uint8Array {
    while (this.#frames.length <= index) this.#encodeNext();
    return this.#frames[index]!;
  }

  #encodeNext(): void {
    const { value: frame } = this.#source.next() as { value: Int16Array };
    this.#frames.push(this.#encoder!.encode(frame));
    this.#stats.framesEncoded++;
    if (this.#frames.length < this.length) return;
    this.#encoder!.close();
    this.#encoder = undefined;
  }
}

/** The encoder of one conversation, and the encoded recordings that all conversations share. */
export class VoiceEncoder {
  readonly #own: Encoder;
  readonly #recordings: EncodedRecordings;
  readonly #stats: EncoderStats;
  #tuning: EncoderTuning = CLEAN_LINK;

  /** @param own it closes it */
  constructor(own: Encoder, recordings: EncodedRecordings, stats: EncoderStats) {
    this.#own = own;
    this.#recordings = recordings;
    this.#stats = stats;
  }

  encode(frame: Int16Array): Uint8Array {
    this.#stats.framesEncoded++;
    return this.#own.encode(frame);
  }

  /** @param pcm the same array each time */
  recorded(pcm: Int16Array): EncodedRecording {
    return this.#recordings.of(pcm, this.#own.codec, this.#tuning);
  }

  tune(tuning: EncoderTuning): void {
    this.#tuning = tuning;
    this.#own.tune(tuning);
  }

  close(): void {
    this.#own.close();
  }
}

/** The last filled up with silence; each is made when it is asked for. */
function* paddedFrames(pcm: Int16Array): Generator<Int16Array> {
  const framer = new Framer();
  yield* framer.push(pcm);
  const last = framer.flush();
  if (last !== undefined) yield last;
}
