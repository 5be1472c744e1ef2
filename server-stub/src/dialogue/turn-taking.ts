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
 * - `reply`   the patient made a short sound over the assistant's last words: a quick 'yes' to its question. It began
 *             `agoFrames` frames ago and may go on; the last words are still heard
 * - `end`     the turn is over; the last voice was `agoFrames` frames ago
 */
export interface TurnEvent {
  readonly type: 'speech' | 'barge-in' | 'backchannel' | 'reply' | 'end';
  readonly agoFrames: number;
}

/** What the patient hears of the assistant: nothing; its voice (or it is about to answer); or its very last words. */
export type AssistantState = 'silent' | 'speaking' | 'ending';

export class TurnTaking {
  readonly #settings: TurnTakingSettings;
  readonly #window: boolean[] = [];
  #speaking = false;
  #silentFrames = 0;
  #utteranceFrames = 0;
  #sound = false;
  /** Since the first voice after a stop, while a sound goes on; and whether it began over the assistant's last words. */
  #soundFrames = 0;
  #soundIsLate = false;

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

  next(voice: boolean, assistant: AssistantState): TurnEvent | undefined {
    this.#silentFrames = voice ? 0 : this.#silentFrames + 1;
    this.#window.push(voice);
    if (this.#window.length > this.#windowFrames()) this.#window.shift();
    if (this.#speaking) return this.#within();
    // The usual case by far: a quiet room.
    if (!this.#sound && this.#silentFrames >= this.#window.length) {
      this.#soundFrames = 0;
      return undefined;
    }
    this.#followSound(assistant);
    return this.#before(assistant);
  }

  #followSound(assistant: AssistantState): void {
    if (this.#silentFrames > frames(this.#settings.onsetMs * 2)) this.#soundFrames = 0;
    else if (this.#soundFrames > 0 || this.#silentFrames === 0) this.#soundFrames++;
    if (this.#soundFrames === 1) this.#soundIsLate = assistant === 'ending';
  }

  #before(assistant: AssistantState): TurnEvent | undefined {
    const assistantHeard = assistant !== 'silent';
    const needMs = assistantHeard ? this.#settings.bargeInMs : this.#settings.onsetMs;
    const spanMs = assistantHeard ? this.#settings.bargeInMs * 1.5 : this.#settings.onsetMs * 2;
    const span = this.#window.slice(-frames(spanMs));
    const voiced = span.filter(Boolean).length;
    const agoFrames = span.length - 1 - span.indexOf(true);
    if (voiced < frames(needMs)) return this.#noteSound(assistant);
    if (assistantHeard) return this.#begin('barge-in', agoFrames);
    // It may have begun while the assistant was heard, longer ago than is looked at here.
    return this.#begin('speech', this.#sound ? this.#soundFrames - 1 : agoFrames);
  }

  #begin(type: 'speech' | 'barge-in' | 'reply', agoFrames: number): TurnEvent {
    this.#speaking = true;
    this.#sound = false;
    this.#utteranceFrames = agoFrames;
    return { type, agoFrames };
  }

  /** A short sound is told when it is over: as long as the assistant goes on, it is a back-channel. */
  #noteSound(assistant: AssistantState): TurnEvent | undefined {
    const recent = this.#window.slice(-frames(this.#settings.onsetMs * 2));
    if (assistant !== 'silent' && recent.filter(Boolean).length >= frames(this.#settings.onsetMs)) this.#sound = true;
    if (!this.#sound || this.#silentFrames < recent.length) return undefined;
    if (this.#soundIsLate || assistant === 'silent') return this.#begin('reply', this.#soundFrames - 1);
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
