import type { Clock } from '../../../common/src/time/clock.ts';
import { DcBlocker } from '../../../common/src/audio/dc-blocker.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { OpenAudio } from './backends.ts';
import { LogBrake } from '../../../common/src/system/log-brake.ts';
import { MICROPHONE_ADVICE, MicrophoneHealth } from './microphone-health.ts';
import type { AudioSink, MicrophoneFault, MicrophoneReading } from './ports.ts';

/**
 * Between the sound card and whoever listens:
 *
 *   card → health (as it came) → DC blocker → gain → framer's 20 ms as they are heard by all
 *
 * A microphone that is too quiet or overdriven is turned in the card's mixer, step by step, and where the card cannot
 * be turned up further by a gain here. What cannot be mended so is told. Costs nothing in memory: frames are changed in
 * place.
 */
export class Microphone {
  readonly #options: MicrophoneOptions;
  readonly #gain = new DigitalGain();
  readonly #brake: LogBrake;
  /** Of the sound that was opened last; undefined until a card's frame came. */
  #health: MicrophoneHealth | undefined;
  #turning = false;
  /** Turned down since sound was opened: turning it up again would only go to and fro. */
  #wasLoud = false;
  #fault: MicrophoneFault | undefined;

  constructor(options: MicrophoneOptions) {
    this.#options = options;
    this.#brake = new LogBrake(options.clock);
  }

  /** What opens sound, with this microphone's care in front of the sink. */
  watch(open: (sink: AudioSink) => Promise<OpenAudio>): (sink: AudioSink) => Promise<OpenAudio> {
    return async (sink) => {
      const blocker = new DcBlocker();
      const health = new MicrophoneHealth();
      this.#health = undefined;
      this.#wasLoud = false;
      const opened: { audio?: OpenAudio } = {};
      // Silence that stands in for a card, and files, say nothing of a microphone.
      const isReal = (): boolean => opened.audio?.backend === 'portaudio' || opened.audio?.backend === 'alsa';
      opened.audio = await open({
        capture: (frame) => {
          const real = isReal();
          if (real) this.#listen(health, frame);
          blocker.apply(frame);
          if (real) this.#gain.apply(frame);
          sink.capture(frame);
        },
        render: (into) => {
          sink.render(into);
          if (isReal()) health.played(into);
        },
        failed: (error) => sink.failed(error),
      });
      return opened.audio;
    };
  }

  /** Of the sound that was opened last; undefined where that was no card. */
  get reading(): MicrophoneReading | undefined {
    return this.#health?.reading(this.#gain.gainDb);
  }

  #listen(health: MicrophoneHealth, frame: Int16Array): void {
    this.#health = health;
    if (health.add(frame)) this.#judge(health);
  }

  #judge(health: MicrophoneHealth): void {
    if (this.#turning) return;
    if (this.#gain.takeSaturated()) this.#gain.down();
    const fault = health.fault(this.#gain.gainDb);
    if (fault === 'quiet') void this.#turn(health, 1, fault);
    else if (fault === 'clipped') void this.#turn(health, -1, fault);
    else this.#tell(fault);
  }

  /** The card first: its gain brings up the voice and not the converter's noise. */
  async #turn(health: MicrophoneHealth, direction: 1 | -1, fault: MicrophoneFault): Promise<void> {
    this.#turning = true;
    if (direction < 0) this.#wasLoud = true;
    const may = direction < 0 || !this.#wasLoud;
    const turned = may && (await this.#options.turn(direction));
    if (turned) health.restart();
    const mended = turned || (direction > 0 ? this.#gain.up() : this.#gain.down());
    if (mended) this.#log('microphone-turned', { fault, by: direction, gainDb: this.#gain.gainDb });
    this.#tell(mended ? undefined : fault);
    this.#turning = false;
  }

  #tell(fault: MicrophoneFault | undefined): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    if (fault !== undefined) this.#log('microphone-fault', { ...this.reading });
    this.#options.onFault(fault && MICROPHONE_ADVICE[fault]);
  }

  #log(event: string, fields: Parameters<Log['warn']>[1]): void {
    const held = this.#brake.pass();
    if (held !== undefined) this.#options.log.warn(event, { ...fields, ...(held > 0 && { more: held }) });
  }
}

export interface MicrophoneOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Turns the card's own gain by one step. Resolves to false where it cannot; never rejects. */
  readonly turn: (direction: 1 | -1) => Promise<boolean>;
  /** What a person can do about it; undefined: it is well. */
  readonly onFault: (advice: string | undefined) => void;
}

/** A gain in steps of 6 dB, changed over a frame so that it does not click, and held at full scale. */
class DigitalGain {
  #gainDb = 0;
  #ceilingDb = MAX_GAIN_DB;
  #factor = 1;
  #saturated = 0;

  get gainDb(): number {
    return this.#gainDb;
  }

  /** @returns false: it is as high as is safe */
  up(): boolean {
    if (this.#gainDb >= this.#ceilingDb) return false;
    this.#gainDb += GAIN_STEP_DB;
    return true;
  }

  /** @returns false: there is none */
  down(): boolean {
    if (this.#gainDb === 0) return false;
    this.#gainDb -= GAIN_STEP_DB;
    this.#ceilingDb = this.#gainDb;
    return true;
  }

  apply(frame: Int16Array): void {
    const target = 10 ** (this.#gainDb / 20);
    if (target === 1 && this.#factor === 1) return;
    const step = (target - this.#factor) / frame.length;
    for (let index = 0; index < frame.length; index++) {
      this.#factor += step;
      const sample = Math.round(frame[index]! * this.#factor);
      if (sample > 32_767 || sample < -32_768) this.#saturated++;
      frame[index] = Math.max(-32_768, Math.min(32_767, sample));
    }
    this.#factor = target;
  }

  /** More than a voice's peaks were cut since this was asked last. */
  takeSaturated(): boolean {
    const saturated = this.#saturated;
    this.#saturated = 0;
    return saturated > MAX_SATURATED;
  }
}

const GAIN_STEP_DB = 6;
/** More, and a quiet room's noise is what is heard. */
const MAX_GAIN_DB = 18;
/** Samples in five seconds: half a percent. */
const MAX_SATURATED = 400;
