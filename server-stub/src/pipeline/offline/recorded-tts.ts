import type { SpokenAudio, StageOptions, TextToSpeech } from '../ports.ts';
import { reporting } from '../reporting.ts';
import { sentences } from '../sentences.ts';
import type { RecordedClip } from './clips.ts';

/** Makes audio of one sentence; `undefined` when it cannot. */
export type Synthesiser = (sentence: string, options: StageOptions) => Promise<Int16Array | undefined>;

/**
 * Speaks recorded sentences with their recording, others with the machine's synthesiser, and, where there is none,
 * the last resort: a recorded sentence that is never wrong. Text that cannot be spoken must not become silence.
 */
export class RecordedTextToSpeech implements TextToSpeech {
  readonly #recordings: ReadonlyMap<string, RecordedClip>;
  readonly #synthesise: Synthesiser | undefined;
  readonly #lastResort: RecordedClip | undefined;

  constructor(clips: readonly RecordedClip[], synthesise?: Synthesiser) {
    this.#recordings = new Map(clips.map((clip) => [clip.text, clip]));
    this.#synthesise = synthesise;
    this.#lastResort = clips.find(({ role }) => role === 'apology') ?? clips[0];
  }

  async *speak(text: AsyncIterable<string>, options: StageOptions): AsyncGenerator<SpokenAudio> {
    yield* reporting('text-to-speech', options, this.#say(text, options));
  }

  async *#say(text: AsyncIterable<string>, options: StageOptions): AsyncGenerator<SpokenAudio> {
    let unit: string[] = [];
    for await (const sentence of sentences(text)) {
      unit.push(sentence);
      const recorded = this.#recordingOf(unit);
      if (recorded === 'perhaps') continue;
      if (recorded === undefined) yield* this.#each(unit, options);
      else yield spoken(recorded);
      unit = [];
    }
    yield* this.#each(unit, options);
  }

  /** A recording may hold several sentences: 'perhaps' when these are the beginning of one. */
  #recordingOf(unit: readonly string[]): RecordedClip | 'perhaps' | undefined {
    const joined = unit.join(' ');
    const whole = this.#recordings.get(joined);
    if (whole !== undefined) return whole;
    for (const text of this.#recordings.keys()) if (text.startsWith(`${joined} `)) return 'perhaps';
    return undefined;
  }

  async *#each(unit: readonly string[], options: StageOptions): AsyncGenerator<SpokenAudio> {
    for (const sentence of unit) {
      options.signal.throwIfAborted();
      const recorded = this.#recordings.get(sentence);
      const pcm = recorded === undefined ? await this.#synthesise?.(sentence, options) : undefined;
      const clip = recorded ?? (pcm === undefined ? this.#lastResort : undefined);
      if (pcm !== undefined) yield { pcm, text: sentence };
      else if (clip !== undefined) yield spoken(clip);
    }
  }
}

function spoken({ pcm, text }: RecordedClip): SpokenAudio {
  return { pcm, text, recording: true };
}
