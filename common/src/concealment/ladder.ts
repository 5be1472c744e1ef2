import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import type { Decoder } from '../codec/ports.ts';
import type { ComfortNoise } from './comfort-noise.ts';
import type { FrameCounters } from './frame-counters.ts';

/** What one frame of 20 ms was made of. */
export type Rung = 'received' | 'fec' | 'concealed' | 'comfort-noise';

export interface LadderOptions {
  /** May come later, with `use`; until then there is only comfort noise. */
  readonly decoder?: Decoder;
  readonly comfortNoise: ComfortNoise;
  /** `played`, `recoveredByFec`, `concealed` and `comfortNoise` are counted here. */
  readonly counters: Pick<FrameCounters, 'played' | 'recoveredByFec' | 'concealed' | 'comfortNoise'>;
}

/**
 * Concealment is played in full this long, 80 ms; CELT's swells again after 120 ms, SILK's has nothing left to say.
 * Less, or a slower way back to the voice, takes from it what libopus' own concealment leaves (STOI, paired runs).
 */
const FULL_SAMPLES = 4 * FRAME_SAMPLES;
/** The fade from voice to noise, 40 ms; the way back takes 5 ms along the same curve. */
const FADE_SAMPLES = 2 * FRAME_SAMPLES;
const QUICK_STEP = 8;

/** Raised cosine from 1 to 0, and the noise gain that keeps the power: √(1 − g²). */
const VOICE_GAIN = Float32Array.from(
  { length: FADE_SAMPLES + 1 },
  (_, at) => 0.5 + 0.5 * Math.cos((Math.PI * at) / FADE_SAMPLES),
);
const NOISE_GAIN = VOICE_GAIN.map((gain) => Math.sqrt(Math.max(0, 1 - gain * gain)));

/** An Opus TOC byte alone (RFC 6716 §2.1.9): the sender is silent, and the decoder conceals. No other codec has it. */
const DTX_BYTES = 1;

/** A frame with no sample above this is digital silence, and gets the noise floor under it. */
const SILENT_PEAK = 3;

/**
 * Fills every 20 ms slot with the best there is: the received frame, its copy from the next packet (FEC),
 * concealment, comfort noise; each blends into the next without a click. One per decoder: both see every
 * frame of their stream.
 *
 * One number, `#fade`, says where between voice (0) and noise (640) the line stands; every seam is a walk
 * along it. So all gains are continuous whatever the order of calls.
 */
export class Ladder {
  #decoder: Decoder | undefined;
  readonly #noise: ComfortNoise;
  readonly #counters: LadderOptions['counters'];

  #fade = FADE_SAMPLES;
  /** Length of the gap so far, in samples; concealment fades by it. */
  #gapSamples = 0;
  /** Noise under digital silence, 0 … 1, ramped. */
  #floor = 0;
  #rung: Rung = 'comfort-noise';
  /** The decoder has not seen a frame of its stream yet: it has nothing to conceal with. */
  #unheard = true;
  #garbage = 0;
  #faults = 0;

  readonly #noiseFrame = new Float32Array(FRAME_SAMPLES);
  /** The end of a stream whose decoder is gone. */
  #leadOut: Int16Array | undefined;

  constructor(options: LadderOptions) {
    this.#decoder = options.decoder;
    this.#noise = options.comfortNoise;
    this.#counters = options.counters;
  }

  /** A new stream begins; what was playing is led out. The old decoder may be closed after this. */
  use(decoder: Decoder | undefined): void {
    if (this.#fade < FADE_SAMPLES && !this.#unheard) this.#leadOut = this.#concealment();
    this.#decoder = decoder;
    this.#unheard = true;
  }

  /** What the last frame was made of. */
  get rung(): Rung {
    return this.#rung;
  }

  /** Payloads the decoder refused; each was treated as missing. */
  get garbage(): number {
    return this.#garbage;
  }

  /** Times the decoder could not conceal; anything but 0 is a bug. */
  get faults(): number {
    return this.#faults;
  }

  /** The slot's frame is here. @returns 320 samples, the caller's to keep */
  received(payload: Uint8Array): Int16Array {
    const frame = this.#decode(payload);
    if (frame === undefined) return this.missing();
    this.#counters.played++;
    this.#rung = 'received';
    if (payload.length === DTX_BYTES) return this.#fadeOut(frame);
    if (this.#fade === 0 && this.#gapSamples === 0) this.#noise.learn(frame);
    return this.#voice(frame);
  }

  /**
   * The slot's frame is lost. Asked once a slot: concealment and then FEC for the same one harms the next.
   * @param next the frame right after this one, when it is already here
   */
  missing(next?: Uint8Array): Int16Array {
    const recovered = next && this.#decoder?.recover(next);
    if (recovered) {
      this.#counters.recoveredByFec++;
      this.#rung = 'fec';
      return this.#voice(recovered);
    }
    // The decoder is asked even when its answer is not heard: it must know that time passed.
    return this.#conceal();
  }

  /** The slot's frame is not lost, only late: the same sound, but past its fade the decoder is left as it is. */
  stalled(): Int16Array {
    return this.#fade === FADE_SAMPLES ? this.idle() : this.#conceal();
  }

  /** Nothing is due: comfort noise. */
  idle(): Int16Array {
    this.#counters.comfortNoise++;
    return this.background();
  }

  /** The same, uncounted: the ground that a prompt is spoken over. */
  background(): Int16Array {
    const frame = this.#takeLeadOut() ?? new Int16Array(FRAME_SAMPLES);
    this.#rung = 'comfort-noise';
    this.#gapSamples = 0;
    this.#mix(frame, QUICK_STEP, 0);
    return frame;
  }

  #voice(frame: Int16Array): Int16Array {
    this.#gapSamples = 0;
    this.#unheard = false;
    if (this.#leadOut !== undefined) this.#blendFrom(this.#leadOut, frame);
    this.#mix(frame, -QUICK_STEP, isSilent(frame) ? 1 : 0);
    return frame;
  }

  #decode(payload: Uint8Array): Int16Array | undefined {
    try {
      return this.#decoder?.decode(payload);
    } catch {
      this.#garbage++;
      return undefined;
    }
  }

  #concealment(): Int16Array | undefined {
    try {
      return this.#decoder?.conceal();
    } catch {
      // No decoder is expected to fail here; the ear gets noise, and the count says so.
      this.#faults++;
      return undefined;
    }
  }

  #conceal(): Int16Array {
    const frame = this.#concealment();
    if (frame === undefined || this.#unheard) return this.idle();
    const audible = this.#gapSamples < FULL_SAMPLES + FADE_SAMPLES && this.#fade < FADE_SAMPLES;
    this.#rung = audible ? 'concealed' : 'comfort-noise';
    if (audible) this.#counters.concealed++;
    else this.#counters.comfortNoise++;
    return this.#fadeOut(frame);
  }

  /** Concealment, the decoder's own for a packet without audio included: full to 80 ms, gone at 120 ms. */
  #fadeOut(frame: Int16Array): Int16Array {
    this.#mix(frame, this.#gapSamples < FULL_SAMPLES ? 0 : 1, 0);
    this.#gapSamples += FRAME_SAMPLES;
    return frame;
  }

  /** Voice that stops short goes on for the 5 ms of its fade: a jump to nothing would be a click. */
  #takeLeadOut(): Int16Array | undefined {
    const kept = this.#leadOut;
    this.#leadOut = undefined;
    if (kept !== undefined || this.#fade === FADE_SAMPLES) return kept;
    return this.#unheard ? undefined : this.#concealment();
  }

  /** A new stream that begins before the old one was led out: 5 ms from one to the other. */
  #blendFrom(old: Int16Array, frame: Int16Array): void {
    this.#leadOut = undefined;
    for (let index = 0, fade = 0; fade < FADE_SAMPLES; index++, fade += QUICK_STEP) {
      const gain = VOICE_GAIN[fade]!;
      frame[index] = toSample(gain * old[index]! + (1 - gain) * frame[index]!);
    }
  }

  /** Voice in `frame` and noise, along the fade. */
  #mix(frame: Int16Array, step: number, floorTarget: number): void {
    // The usual case by far: nothing but voice.
    if (this.#fade === 0 && step <= 0 && this.#floor === floorTarget && floorTarget === 0) return;
    this.#noise.fill(this.#noiseFrame);
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      this.#fade = Math.min(FADE_SAMPLES, Math.max(0, this.#fade + step));
      this.#floor += Math.max(-FLOOR_STEP, Math.min(FLOOR_STEP, floorTarget - this.#floor));
      const noiseGain = Math.max(NOISE_GAIN[this.#fade]!, this.#floor);
      frame[index] = toSample(VOICE_GAIN[this.#fade]! * frame[index]! + noiseGain * this.#noiseFrame[index]!);
    }
  }
}

const FLOOR_STEP = QUICK_STEP / FADE_SAMPLES;

function isSilent(frame: Int16Array): boolean {
  for (let index = 0; index < frame.length; index++) if (Math.abs(frame[index]!) > SILENT_PEAK) return false;
  return true;
}

function toSample(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}
