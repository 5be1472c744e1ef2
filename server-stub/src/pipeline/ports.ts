import type { Clock } from '../../../common/src/time/clock.ts';
import type { RequestBudget } from './request-budget.ts';

/**
 * The pipeline of a spoken answer: three stages, all streaming, each of which can be a cloud service, a server of one's
 * own, or the offline stage. Audio is 16 kHz mono s16 in chunks of any length.
 *
 * A stage must stop soon after `signal` aborts; its caller does not wait for that. A stage that fails throws a
 * `StageError`.
 */
export interface Pipeline {
  readonly speechToText: SpeechToText;
  readonly languageModel: LanguageModel;
  readonly textToSpeech: TextToSpeech;
  readonly standby: Standby;
  /** One detector per conversation: it adapts to the level of the background. */
  voiceActivity(): VoiceActivity;
  /** True while every vendor in use is left alone after failures. */
  servicesDown?(): boolean;
}

/** What is said when a stage is slow or fails, from local recordings: they need nothing that just failed. */
export interface Standby {
  readonly textToSpeech: TextToSpeech;
  readonly fillers: readonly string[];
  readonly apologies: readonly string[];
  /** What is said to whoever lifts the receiver when no greeting can be made. */
  readonly greetings: readonly string[];
}

export interface StageOptions {
  readonly signal: AbortSignal;
  /** BCP 47, as the device said it. */
  readonly language: string;
  readonly clock: Clock;
  /** Called once at the stage's end with its timing; a request without a result reports nothing. */
  report(timing: StageTiming): void;
  /** Called at the stage's first result, which it may still hold back (a word of a sentence that is not whole). */
  first?: (() => void) | undefined;
  /** Made before it is known to be needed: it is not hedged, and not tried again. */
  readonly ahead?: boolean;
  /** Of the turn; absent: no limit. */
  readonly budget?: RequestBudget;
}

/** ms since the stage had all its input: speech-to-text the last of the audio, the others their request. */
export interface StageTiming {
  readonly stage: StageName;
  readonly firstResultMs: number;
  readonly totalMs: number;
}

export type StageName = 'speech-to-text' | 'language-model' | 'text-to-speech';

export interface SpeechToText {
  /**
   * @param audio one utterance, as it is spoken; its end is the end of the turn. An empty chunk (`PAUSE`) says that the
   * patient is silent and may be done: it is worth settling what was said so far
   * @returns partial transcripts, each replacing the one before; the last one is final
   */
  transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncIterable<Transcript>;
}

export interface Transcript {
  readonly text: string;
  readonly final: boolean;
  /** As good as final, should the patient say no more after the last pause. */
  readonly settled?: true;
}

/** An adapter that ignores pauses adds its zero samples to the audio, and so nothing. */
export const PAUSE: Int16Array = new Int16Array(0);

export interface LanguageModel {
  /** @returns the next thing the assistant says, in pieces of any length whose concatenation is the text */
  reply(request: ReplyRequest, options: StageOptions): AsyncIterable<string>;
}

export interface ReplyRequest {
  /** Oldest first. The assistant's utterances end where the patient heard them end. */
  readonly history: readonly Utterance[];
  /** Why the assistant speaks now. */
  readonly occasion: Occasion;
}

/** The receiver was lifted; the patient said something (the history's last entry); or has been silent for long. */
export type Occasion = 'greeting' | 'answer' | 'silence';

export interface Utterance {
  readonly role: 'patient' | 'assistant';
  readonly text: string;
}

export interface TextToSpeech {
  /** Starts to speak before `text` has ended. */
  speak(text: AsyncIterable<string>, options: StageOptions): AsyncIterable<SpokenAudio>;
}

/** A service that speaks one sentence per request. */
export interface SentenceTextToSpeech {
  /**
   * @param before what was said just before, for its intonation
   * @returns 16 kHz audio as it is made
   */
  say(sentence: string, before: string, options: StageOptions): AsyncIterable<Int16Array>;
}

export interface SpokenAudio {
  readonly pcm: Int16Array;
  /** The words that begin with this chunk; absent when it goes on with the words of the chunk before. */
  readonly text?: string;
  /** These words broke off before and are said again from their beginning. */
  readonly again?: true;
  /** `pcm` is a whole recording, the same array each time, so its encoded frames can be kept. */
  readonly recording?: true;
}

export interface VoiceActivity {
  /** @param frame 320 samples */
  isVoice(frame: Int16Array): boolean;
  close(): void;
}

export class StageError extends Error {
  override readonly name = 'StageError';
  readonly stage: StageName;
  /** Another attempt may succeed. */
  readonly retryable: boolean;
  /**
   * `request`: the service refused what this patient's request holds (too long, filtered, no speech in it), and is well.
   * It says nothing about the requests of others.
   */
  readonly scope: 'service' | 'request';
  /** The service's Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(
    stage: StageName,
    message: string,
    retryable: boolean,
    options?: ErrorOptions & {
      readonly retryAfterMs?: number | undefined;
      readonly scope?: StageError['scope'] | undefined;
    },
  ) {
    super(message, options);
    this.scope = options?.scope ?? 'service';
    this.stage = stage;
    this.retryable = retryable;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
