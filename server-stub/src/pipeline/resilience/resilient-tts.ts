import { StageError } from '../ports.ts';
import type { SpokenAudio, StageOptions, TextToSpeech } from '../ports.ts';
import { sentences } from '../sentences.ts';
import type { BreakerPass } from './circuit-breaker.ts';
import { firstOf } from './hedging.ts';
import { fadedOut, HeldBack } from './held-back.ts';
import { inTime, linkedAbort } from './time-limit.ts';
import { paced, steadily } from './retry.ts';
import type { Steadiness } from './retry.ts';
import { Tape } from './replayable.ts';

/** A service that speaks one sentence. */
export interface SentenceTextToSpeech {
  /**
   * @param before what it said just before, for its intonation
   * @returns 16 kHz sound as it is made
   */
  say(sentence: string, before: string, options: StageOptions): AsyncIterable<Int16Array>;
}

/** ms */
const PATIENCE = { firstMs: 4_000, nextMs: 2_500 };

/**
 * A voice that may fail, sentence by sentence from the model's stream; the next sentence is asked for while this one is
 * heard. A sentence that breaks off is led out gently and said once more, as people do; while the service is broken
 * another voice speaks.
 */
export class SteadyVoice implements TextToSpeech {
  readonly #service: SentenceTextToSpeech;
  readonly #standIn: TextToSpeech;
  readonly #with: Steadiness;

  constructor(service: SentenceTextToSpeech, standIn: TextToSpeech, steadiness: Steadiness) {
    this.#service = service;
    this.#standIn = standIn;
    this.#with = steadiness;
  }

  async *speak(text: AsyncIterable<string>, options: StageOptions): AsyncGenerator<SpokenAudio> {
    const abort = linkedAbort(options.signal);
    const spoken: Spoken = { sentences: 0 };
    try {
      let before = '';
      const units = sentences(text, true)[Symbol.asyncIterator]();
      const begin = async (): Promise<BegunSentence | undefined> => {
        const unit = await units.next();
        return unit.done === true ? undefined : this.#begin(unit.value, before, { ...options, signal: abort.signal });
      };
      for (let current = await begin(); current !== undefined;) {
        before = `${before} ${current.sentence}`.slice(-MAX_BEFORE);
        const upcoming = begin();
        // It is looked at when it is its turn.
        upcoming.catch(ignore);
        if (!(yield* this.#say(current, options, spoken))) return;
        current = await upcoming;
      }
    } finally {
      abort.abort();
      abort.release();
    }
  }

  /** Asks for the sound, and keeps what comes until it is wanted. */
  #begin(sentence: string, before: string, options: StageOptions): BegunSentence {
    return { sentence, before, request: this.#request(sentence, before, options) };
  }

  #request(sentence: string, before: string, options: StageOptions): SoundRequest | undefined {
    const { breaker, pace } = this.#with;
    const pass = breaker.enter();
    // Only what is said first is waited for; the rest is made while that is heard.
    const times = before === '' ? pace.times : 1;
    return (
      pass && {
        pass,
        sound: new Tape(
          firstOf(times, options.signal, (signal) =>
            this.#service.say(sentence, before, { ...paced(options, pace), signal }),
          ),
        ),
      }
    );
  }

  /** @returns false when the answer ends here */
  async *#say(
    { sentence, before, request: begun }: BegunSentence,
    options: StageOptions,
    spoken: Spoken,
  ): AsyncGenerator<SpokenAudio, boolean> {
    const progress: Progress = { heard: false, again: false };
    const requests = [begun];
    const whole = yield* steadily(this.#with, options.signal, {
      ask: () => {
        const request = requests.length > 0 ? requests.pop() : this.#request(sentence, before, options);
        return request && { pass: request.pass, results: this.#attempt(sentence, request.sound, options, progress) };
      },
      standIn: () => this.#saidByAnother(sentence, options, progress),
      acceptable: () => !progress.again && spoken.sentences > 0,
    });
    if (whole) spoken.sentences++;
    return whole;
  }

  async *#saidByAnother(sentence: string, options: StageOptions, { again }: Progress): AsyncGenerator<SpokenAudio> {
    for await (const audio of this.#standIn.speak(once(sentence), options))
      yield again ? { ...audio, again: true } : audio;
  }

  async *#attempt(
    sentence: string,
    sound: Tape<Int16Array>,
    options: StageOptions,
    progress: Progress,
  ): AsyncGenerator<SpokenAudio> {
    const held = new HeldBack();
    progress.heard = false;
    const chunk = (pcm: Int16Array): SpokenAudio => {
      const words = progress.heard ? {} : { text: sentence, ...(progress.again && { again: true as const }) };
      progress.heard = true;
      return { pcm, ...words };
    };
    try {
      for await (const pcm of inTime(this.#with.clock, 'text-to-speech', PATIENCE, options.signal, () =>
        sound.read(),
      )) {
        options.first?.();
        const ready = held.push(pcm);
        if (ready.length > 0) yield chunk(ready);
      }
    } catch (error) {
      const end = fadedOut(held.rest());
      if (progress.heard && end.length > 0) yield chunk(end);
      progress.again ||= progress.heard;
      throw error;
    }
    const rest = held.rest();
    if (rest.length > 0) yield chunk(rest);
    if (!progress.heard) throw new StageError('text-to-speech', 'the service made no sound of a sentence', true);
  }
}

interface BegunSentence {
  readonly sentence: string;
  readonly before: string;
  /** Absent: the service must not be asked now. */
  readonly request: SoundRequest | undefined;
}

interface SoundRequest {
  readonly pass: BreakerPass;
  readonly sound: Tape<Int16Array>;
}

interface Progress {
  /** Some of the sentence was passed on in this attempt. */
  heard: boolean;
  /** … and in one before it. */
  again: boolean;
}

interface Spoken {
  sentences: number;
}

/** Characters of what was said before; no service uses more. */
const MAX_BEFORE = 500;

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

function ignore(): void {}
