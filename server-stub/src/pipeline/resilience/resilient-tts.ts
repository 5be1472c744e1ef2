import { ignore, linkedAbort, once } from '../../system/async-tools.ts';
import { ReplayableStream } from '../../system/replayable-stream.ts';
import { StageError } from '../ports.ts';
import type { SentenceTextToSpeech, SpokenAudio, StageOptions, TextToSpeech } from '../ports.ts';
import { sentences } from '../sentences.ts';
import { speakable } from '../speakable.ts';
import type { BreakerPass } from './circuit-breaker.ts';
import { FadeOutTail } from './fade-out.ts';
import { hedged } from './hedging.ts';
import { measured, withRetry } from './retry.ts';
import type { Resilience } from './retry.ts';
import { eachWithTimeLimit } from './time-limit.ts';

/**
 * A text-to-speech service that may fail, sentence by sentence from the model's stream; the next sentence is requested
 * while this one is heard. A sentence that breaks off is faded out and said again from its beginning, as people do; while
 * the breaker is open the fallback speaks.
 */
export class ResilientTextToSpeech implements TextToSpeech {
  readonly #service: SentenceTextToSpeech;
  readonly #fallback: TextToSpeech;
  readonly #resilience: Resilience;

  constructor(service: SentenceTextToSpeech, fallback: TextToSpeech, resilience: Resilience) {
    this.#service = service;
    this.#fallback = fallback;
    this.#resilience = resilience;
  }

  async *speak(text: AsyncIterable<string>, options: StageOptions): AsyncGenerator<SpokenAudio> {
    const abort = linkedAbort(options.signal);
    const passes = new Set<BreakerPass>();
    const requested = this.#requests(text, { ...options, signal: abort.signal }, passes);
    let spokenSentences = 0;
    try {
      for (let next = requested.next(); ;) {
        const result = await next;
        if (result.done === true) return;
        next = requested.next();
        // Its failure is met when it is its turn.
        next.catch(ignore);
        if (!(yield* this.#say(result.value, options, spokenSentences > 0))) return;
        spokenSentences++;
      }
    } finally {
      abort.abort();
      abort.release();
      // Also of a sentence that was requested ahead and is never said: a probe that is not given back holds everyone up.
      for (const pass of passes) pass.cancelled();
    }
  }

  async *#requests(
    text: AsyncIterable<string>,
    options: StageOptions,
    passes: Set<BreakerPass>,
  ): AsyncGenerator<RequestedSentence> {
    let before = '';
    for await (const written of sentences(text, true)) {
      if (options.signal.aborted) return;
      const sentence = speakable(written);
      // Nothing in it can be said: a service would fail on it, and the rest of the answer would be lost.
      if (sentence === '') continue;
      const request = this.#request(sentence, before, options);
      if (request !== undefined) passes.add(request.pass);
      yield { sentence, before, request };
      before = `${before} ${sentence}`.slice(-MAX_BEFORE);
    }
  }

  /** Keeps the audio that comes until it is read. @returns undefined when the service must not be asked now */
  #request(sentence: string, before: string, options: StageOptions): AudioRequest | undefined {
    const { breaker, responseTimes } = this.#resilience;
    const pass = breaker.enter();
    if (pass === undefined) return undefined;
    // The patient waits for the first sentence only; the others are made while it is heard.
    const requests = before === '' && options.ahead !== true ? responseTimes.requests : 1;
    const audio = hedged(requests, options.signal, (signal) =>
      this.#service.say(sentence, before, { ...measured(options, responseTimes), signal }),
    );
    return { pass, audio: new ReplayableStream(audio) };
  }

  /** @returns false when the answer ends here */
  #say(
    { sentence, before, request }: RequestedSentence,
    options: StageOptions,
    mayEndHere: boolean,
  ): AsyncGenerator<SpokenAudio, boolean> {
    const progress: Progress = { heard: false, again: false };
    const requests = [request];
    return withRetry(this.#resilience, options.signal, {
      ask: () => {
        const asked = requests.length > 0 ? requests.pop() : this.#request(sentence, before, options);
        return asked && { pass: asked.pass, results: this.#attempt(sentence, asked.audio, options, progress) };
      },
      fallback: () => this.#sayWithFallback(sentence, options, progress),
      acceptable: () => !progress.again && mayEndHere,
    });
  }

  async *#sayWithFallback(sentence: string, options: StageOptions, { again }: Progress): AsyncGenerator<SpokenAudio> {
    for await (const audio of this.#fallback.speak(once(sentence), options))
      yield again ? { ...audio, again: true } : audio;
  }

  async *#attempt(
    sentence: string,
    audio: ReplayableStream<Int16Array>,
    options: StageOptions,
    progress: Progress,
  ): AsyncGenerator<SpokenAudio> {
    const tail = new FadeOutTail();
    progress.heard = false;
    const chunk = (pcm: Int16Array): SpokenAudio => {
      const words = progress.heard ? {} : { text: sentence, ...(progress.again && { again: true as const }) };
      progress.heard = true;
      return { pcm, ...words };
    };
    const { clock, stage } = this.#resilience;
    try {
      for await (const pcm of eachWithTimeLimit(clock, stage, TIME_LIMITS, options.signal, () => audio.read())) {
        options.first?.();
        const ready = tail.push(pcm);
        if (ready.length > 0) yield chunk(ready);
      }
    } catch (error) {
      const end = tail.fadedRest();
      if (progress.heard && end.length > 0) yield chunk(end);
      progress.again ||= progress.heard;
      throw error;
    }
    const rest = tail.rest();
    if (rest.length > 0) yield chunk(rest);
    if (!progress.heard) throw new StageError(stage, 'the service made no sound of a sentence', true);
  }
}

interface RequestedSentence {
  readonly sentence: string;
  /** What was said just before it. */
  readonly before: string;
  /** Absent: the service must not be asked now. */
  readonly request: AudioRequest | undefined;
}

interface AudioRequest {
  readonly pass: BreakerPass;
  readonly audio: ReplayableStream<Int16Array>;
}

interface Progress {
  /** Some of the sentence was passed on in this attempt. */
  heard: boolean;
  /** … and in an attempt before it. */
  again: boolean;
}

const TIME_LIMITS = { firstMs: 4_000, nextMs: 2_500 };
/** Characters of what was said before; no service uses more. */
const MAX_BEFORE = 500;
