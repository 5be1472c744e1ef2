import { FRAME_SAMPLES } from '../../../protocol/src/limits.ts';
import { SILENCE_DBFS, levelDb } from '../../../common/src/audio/level.ts';
import type { MicrophoneFault, MicrophoneReading } from './ports.ts';
import { SpeechWatch } from './speech-watch.ts';
import { HumMeter, isLoudHum, type HumReading } from './mains-hum.ts';

/**
 * Judges a microphone by its frames, within the first turns of a call. Pure, and without allocation. It is shown frames
 * as the card gave them; while the speaker plays, what the microphone hears of it is nobody's speech.
 */
export class MicrophoneHealth {
  readonly #speech = new SpeechWatch(LEAST_SPEECH_DBFS);
  readonly #hum = new HumMeter();
  /** Frames of speech by level: one bin a dB, −100 … 0. */
  readonly #levels = new Uint32Array(1 - SILENCE_DBFS);
  #spoken = 0;
  #silentFrames = 0;
  #echoFrames = 0;
  #windowFrames = 0;
  #windowClipped = 0;
  #windowSpoken = 0;
  #windowSum = 0;
  #windowHum: HumReading | undefined;
  #clippedShare = 0;
  #worstClippedShare = 0;
  #offset = 0;
  #humReading: HumReading | undefined;

  /** @returns true when a window of five seconds is full: the moment to look at `fault` */
  add(frame: Int16Array): boolean {
    const level = levelDb(frame);
    this.#silentFrames = level < DEAD_DBFS ? this.#silentFrames + 1 : 0;
    this.#tally(frame);
    if (this.#echoFrames > 0) this.#echoFrames--;
    else this.#listen(frame, level);
    if (++this.#windowFrames < WINDOW_FRAMES) return false;
    this.#judgeWindow();
    return true;
  }

  /** What the speaker is given: for a while the microphone may hear it. */
  played(frame: Int16Array): void {
    if (levelDb(frame) <= SPEAKER_DBFS) return;
    this.#echoFrames = ECHO_FRAMES;
    this.#hum.reset();
  }

  /** The gain before it has changed: what was measured is of another microphone. */
  restart(): void {
    this.#levels.fill(0);
    this.#spoken = 0;
    this.#clippedShare = 0;
    this.#windowClipped = 0;
    this.#windowSpoken = 0;
  }

  /** @param gainDb that is added behind this meter */
  fault(gainDb = 0): MicrophoneFault | undefined {
    const speechDb = this.speechDb;
    const hum = this.#humReading;
    if (this.#silentFrames >= DEAD_FRAMES) return 'dead';
    if (this.#clippedShare > CLIPPED_SHARE) return 'clipped';
    if (hum !== undefined && isLoudHum(hum)) return 'hum';
    return speechDb !== undefined && speechDb + gainDb < QUIET_DBFS ? 'quiet' : undefined;
  }

  /** The level that a fifth of speech stands over, dBFS; undefined: nobody spoke enough to tell. */
  get speechDb(): number | undefined {
    if (this.#spoken < ENOUGH_FRAMES) return undefined;
    let above = 0;
    let bin = this.#levels.length - 1;
    while (bin > 0 && (above += this.#levels[bin]!) < this.#spoken / 5) bin--;
    return bin + SILENCE_DBFS;
  }

  reading(gainDb = 0): MicrophoneReading {
    return {
      fault: this.fault(gainDb) ?? null,
      speechDbfs: this.speechDb ?? null,
      clippedShare: round(this.#worstClippedShare),
      offset: round(this.#offset),
      humDbfs: this.#humReading === undefined ? null : Math.round(this.#humReading.humDb),
      gainDb,
    };
  }

  #tally(frame: Int16Array): void {
    let clipped = 0;
    let sum = 0;
    for (let index = 0; index < frame.length; index++) {
      const sample = frame[index]!;
      sum += sample;
      if (sample >= FULL_SCALE || sample <= -FULL_SCALE) clipped++;
    }
    this.#windowSum += sum;
    this.#windowClipped += clipped;
  }

  #listen(frame: Int16Array, level: number): void {
    if (this.#speech.hears(frame)) {
      this.#windowSpoken++;
      this.#spoken++;
      this.#levels[Math.round(level) - SILENCE_DBFS]!++;
      if (this.#spoken > FORGET_FRAMES) this.#forget();
    }
    const hum = this.#hum.add(frame);
    // The quietest half second is the pause between words.
    if (hum !== undefined && hum.levelDb < (this.#windowHum?.levelDb ?? Infinity)) this.#windowHum = hum;
  }

  /** The newest speech counts most. */
  #forget(): void {
    this.#spoken = 0;
    for (let bin = 0; bin < this.#levels.length; bin++) this.#spoken += this.#levels[bin]! >>= 1;
  }

  #judgeWindow(): void {
    const samples = WINDOW_FRAMES * FRAME_SAMPLES;
    const clippedShare = this.#windowClipped / samples;
    // A window in which nobody spoke says nothing of how speech is clipped.
    if (this.#windowSpoken > 0 || clippedShare > CLIPPED_SHARE) this.#clippedShare = clippedShare;
    this.#worstClippedShare = Math.max(this.#worstClippedShare, clippedShare);
    this.#offset = this.#windowSum / samples / 32_768;
    this.#humReading = this.#windowHum ?? this.#humReading;
    this.#windowHum = undefined;
    this.#windowFrames = 0;
    this.#windowClipped = 0;
    this.#windowSpoken = 0;
    this.#windowSum = 0;
  }
}

/** What a person can do about it, for lamp, log and doctor. */
export const MICROPHONE_ADVICE: Readonly<Record<MicrophoneFault, string>> = {
  dead: 'the microphone gives not a sound, not even noise: check its plug and whether it is muted',
  clipped: 'the microphone is overdriven and cannot be turned down further: use another, or one without a booster',
  hum: "the microphone hums with the mains: check its cable's shield, and the power supply",
  quiet: 'the microphone is too quiet and cannot be turned up further: check its plug, or use another',
};

/** Five seconds. */
const WINDOW_FRAMES = 250;
/** Quieter than any converter's own noise. */
const DEAD_DBFS = -90;
/** 15 s: a card that gates a quiet room has heard something of the person by then. */
const DEAD_FRAMES = 750;
const FULL_SCALE = 32_700;
/** Speech that touches full scale now and then is loud; this much of it is broken. */
const CLIPPED_SHARE = 0.01;
/** Five dB over where the phone and its server take anything for speech. */
const QUIET_DBFS = -45;
/** For measuring, speech may be much quieter than for hearing. */
const LEAST_SPEECH_DBFS = -85;
/** Three seconds of speech. */
const ENOUGH_FRAMES = 150;
const FORGET_FRAMES = 1_500;
/** What the speaker plays louder than this may come back. */
const SPEAKER_DBFS = -60;
/** The delay of card and room, 400 ms. */
const ECHO_FRAMES = 20;

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
