import { FRAME_MS } from '../../../protocol/src/index.ts';

/**
 * Turn-taking: endpointing, barge-in and back-channels, decided frame by frame from voice activity. Pure: time is the
 * number of frames, so it runs the same at any speed. People with memory loss pause long in mid-sentence, so a turn ends
 * after `patienceMs` of silence, and a back-channel (one word of assent) does not take the floor from the assistant.
 */
export interface TurnTakingSettings {
  /** Voice needed, within twice its time, before it counts as speech and not as a click. */
  readonly onsetMs: number;
  /** Silence that ends a turn. */
  readonly patienceMs: number;
  /** A turn longer than this is answered even if nobody paused (a television in the room). */
  readonly maxUtteranceMs: number;
  /** Voice needed, within one and a half times its time, to interrupt the assistant. */
  readonly bargeInMs: number;
  /** Silence after which an answer is prepared, in case the turn is over; it is dropped if it is not. 0: never. */
  readonly prepareMs: number;
}

export const DEFAULT_TURN_TAKING: TurnTakingSettings = {
  onsetMs: 120,
  patienceMs: 800,
  maxUtteranceMs: 30_000,
  bargeInMs: 600,
  prepareMs: 160,
};

/**
 * - `speech`  the patient began to speak, `agoFrames` frames ago
 * - `barge-in` the same, over the assistant: it must stop
 * - `backchannel` the patient made a short sound over the assistant, which keeps the floor
 * - `end`     the turn is over; the last voice was `agoFrames` frames ago
 */
export interface TurnEvent {
  readonly type: 'speech' | 'barge-in' | 'backchannel' | 'end';
  readonly agoFrames: number;
}

export class TurnTaking {
  readonly #settings: TurnTakingSettings;
  readonly #window: boolean[] = [];
  #speaking = false;
  #silentFrames = 0;
  #utteranceFrames = 0;
  #sound = false;

  constructor(settings: TurnTakingSettings = DEFAULT_TURN_TAKING) {
    this.#settings = settings;
  }

  /** True from `speech` or `barge-in` to `end`. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** True within a turn that may be over: silent for `prepareMs`, and not yet for `patienceMs`. */
  get pausing(): boolean {
    return this.#speaking && this.#settings.prepareMs > 0 && this.#silentFrames >= frames(this.#settings.prepareMs);
  }

  /** The patient had begun to speak in another process, which heard so. */
  begin(): void {
    this.#begin('speech', 0);
  }

  /** @param assistantHeard the assistant's voice is being played to the patient at this moment */
  next(voice: boolean, assistantHeard: boolean): TurnEvent | undefined {
    this.#silentFrames = voice ? 0 : this.#silentFrames + 1;
    this.#window.push(voice);
    if (this.#window.length > this.#windowFrames()) this.#window.shift();
    if (this.#speaking) return this.#within();
    // The usual case by far: a quiet room.
    if (!this.#sound && this.#silentFrames >= this.#window.length) return undefined;
    return this.#before(assistantHeard);
  }

  #before(assistantHeard: boolean): TurnEvent | undefined {
    const needMs = assistantHeard ? this.#settings.bargeInMs : this.#settings.onsetMs;
    const spanMs = assistantHeard ? this.#settings.bargeInMs * 1.5 : this.#settings.onsetMs * 2;
    const span = this.#window.slice(-frames(spanMs));
    const voiced = span.filter(Boolean).length;
    if (voiced >= frames(needMs))
      return this.#begin(assistantHeard ? 'barge-in' : 'speech', span.length - 1 - span.indexOf(true));
    return this.#noteSound(assistantHeard);
  }

  #begin(type: 'speech' | 'barge-in', agoFrames: number): TurnEvent {
    this.#speaking = true;
    this.#sound = false;
    this.#utteranceFrames = agoFrames;
    return { type, agoFrames };
  }

  /** A back-channel is told when its sound is over. */
  #noteSound(assistantHeard: boolean): TurnEvent | undefined {
    const recent = this.#window.slice(-frames(this.#settings.onsetMs * 2));
    if (assistantHeard && recent.filter(Boolean).length >= frames(this.#settings.onsetMs)) this.#sound = true;
    if (!this.#sound || this.#silentFrames < recent.length) return undefined;
    this.#sound = false;
    return { type: 'backchannel', agoFrames: this.#silentFrames };
  }

  #within(): TurnEvent | undefined {
    this.#utteranceFrames++;
    const paused = this.#silentFrames >= frames(this.#settings.patienceMs);
    if (!paused && this.#utteranceFrames < frames(this.#settings.maxUtteranceMs)) return undefined;
    this.#speaking = false;
    this.#window.length = 0;
    return { type: 'end', agoFrames: this.#silentFrames };
  }

  #windowFrames(): number {
    return frames(Math.max(this.#settings.bargeInMs * 1.5, this.#settings.onsetMs * 2));
  }
}

function frames(ms: number): number {
  return Math.ceil(ms / FRAME_MS);
}
