import { FRAME_BYTES, FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { CodecError, type Decoder, type Encoder } from './ports.ts';
import { checkFrame } from './opus-encoder.ts';

/** L16: 16-bit samples in network byte order (RFC 3551 §4.5.11). */
export class PcmEncoder implements Encoder {
  readonly codec = 'pcm';
  #closed = false;

  encode(pcm: Int16Array): Uint8Array {
    if (this.#closed) throw new CodecError('closed', 'this encoder was closed; make a new one');
    checkFrame(pcm);
    const payload = new Uint8Array(FRAME_BYTES);
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      const sample = pcm[index]!;
      payload[2 * index] = sample >> 8;
      payload[2 * index + 1] = sample;
    }
    return payload;
  }

  /** Nothing to follow: PCM has one rate and no FEC. */
  tune(): void {}

  close(): void {
    this.#closed = true;
  }
}

/** Samples that concealment looks back on: the longest pitch period (66 Hz) and one window to compare. */
const HISTORY_SAMPLES = 2 * FRAME_SAMPLES;
const SHORTEST_PERIOD = 40;
const LONGEST_PERIOD = 240;
const COMPARED_SAMPLES = 160;
const FADE_SAMPLES = 3 * FRAME_SAMPLES;
/** The step from the last sample to the repetition is let die away over about 2 ms. */
const STEP_DECAY = 0.9;
/** −54 dBFS: a whisper into a microphone that is turned down too far is louder at its peaks. */
const QUIET_PEAK = 64;
/** Cross-fade from the repetition back to what arrived, 5 ms. */
const RETURN_SAMPLES = 80;

/** PCM has no decoder state; what is kept is only what its concealment repeats. */
export class PcmDecoder implements Decoder {
  readonly codec = 'pcm';
  readonly #history = new Int16Array(HISTORY_SAMPLES);
  /** Samples concealed since the last frame; 0 while frames come. */
  #concealed = 0;
  #period = 0;
  #step = 0;
  #closed = false;

  decode(payload: Uint8Array): Int16Array {
    this.#checkOpen();
    if (payload.length !== FRAME_BYTES)
      throw new CodecError('garbage', `a 20 ms L16 frame has ${FRAME_BYTES} bytes, this one ${payload.length}`);
    const pcm = new Int16Array(FRAME_SAMPLES);
    for (let index = 0; index < FRAME_SAMPLES; index++)
      pcm[index] = (payload[2 * index]! << 8) | payload[2 * index + 1]!;
    if (this.#concealed > 0) this.#blendFromRepetition(pcm);
    this.#concealed = 0;
    this.#history.copyWithin(0, FRAME_SAMPLES);
    this.#history.set(pcm, HISTORY_SAMPLES - FRAME_SAMPLES);
    return pcm;
  }

  recover(): undefined {
    this.#checkOpen();
    return undefined;
  }

  silent(payload: Uint8Array): boolean {
    for (let index = 0; index < payload.length; index += 2) {
      const high = payload[index]!;
      const magnitude =
        high < 0x80 ? (high << 8) | payload[index + 1]! : 0x1_0000 - ((high << 8) | payload[index + 1]!);
      if (magnitude > QUIET_PEAK) return false;
    }
    return true;
  }

  conceal(): Int16Array {
    this.#checkOpen();
    if (this.#concealed === 0) this.#beginRepetition();
    const pcm = new Int16Array(FRAME_SAMPLES);
    for (let index = 0; index < FRAME_SAMPLES; index++) pcm[index] = this.#repetition(this.#concealed++);
    return pcm;
  }

  close(): void {
    this.#closed = true;
  }

  #checkOpen(): void {
    if (this.#closed) throw new CodecError('closed', 'this decoder was closed; make a new one');
  }

  #beginRepetition(): void {
    const last = HISTORY_SAMPLES - 1;
    this.#period = pitchPeriod(this.#history);
    // Where the waveform was heading, against where the repetition begins.
    const heading = 2 * this.#history[last]! - this.#history[last - 1]!;
    this.#step = heading - this.#history[HISTORY_SAMPLES - this.#period]!;
  }

  /** The last pitch period, over and over, fading to silence at 60 ms. */
  #repetition(position: number): number {
    if (position >= FADE_SAMPLES) return 0;
    const source = this.#history[HISTORY_SAMPLES - this.#period + (position % this.#period)]!;
    const value = source * (1 - position / FADE_SAMPLES) + this.#step * STEP_DECAY ** position;
    return Math.max(-32_768, Math.min(32_767, Math.round(value)));
  }

  #blendFromRepetition(pcm: Int16Array): void {
    for (let index = 0; index < RETURN_SAMPLES; index++) {
      const weight = (index + 1) / (RETURN_SAMPLES + 1);
      pcm[index] = Math.round(weight * pcm[index]! + (1 - weight) * this.#repetition(this.#concealed + index));
    }
  }
}

/** The lag at which the end of `history` most resembles what came before it. */
function pitchPeriod(history: Int16Array): number {
  const end = history.length;
  let best = LONGEST_PERIOD;
  let bestScore = 0;
  for (let lag = SHORTEST_PERIOD; lag <= LONGEST_PERIOD; lag++) {
    let product = 0;
    let energy = 1;
    for (let index = end - COMPARED_SAMPLES; index < end; index++) {
      const earlier = history[index - lag]!;
      product += history[index]! * earlier;
      energy += earlier * earlier;
    }
    const score = product > 0 ? (product * product) / energy : 0;
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  return best;
}
