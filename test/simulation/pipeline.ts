import { StageError } from '../../server-stub/src/pipeline/ports.ts';
import type { Pipeline, SpokenAudio, StageOptions, Transcript } from '../../server-stub/src/pipeline/ports.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';
import { readStamp, StampKind, stampedSound } from './stamp.ts';

/** How the companion answers in one scenario. */
export interface Answers {
  readonly minMs: number;
  readonly maxMs: number;
  /** Seconds of sound made per second; below 1 the speaker runs dry in mid-answer. */
  readonly speed: number;
  /** Most that a stage takes before its first result, ms. */
  readonly thinkMs: number;
  /** Share of answers that fail in some stage. */
  readonly failing: number;
}

export interface CompanionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly answers: Answers;
  /** Numbers the responses of a whole run, over every process. */
  readonly nextSource: () => number;
  /** Stages under way, for the check that nothing is left open. */
  readonly running: { stages: number };
}

/** Stands in every text that is said, so that a log line that holds words is found. */
export const WORDS_MARK = 'W0RDS';

/** A companion that says stamps: sound of random length, made faster or slower than it is played. */
export function stampPipeline(options: CompanionOptions): Pipeline {
  const companion = new Companion(options);
  const speech = { speak: (text: AsyncIterable<string>, stage: StageOptions) => companion.speak(text, stage) };
  return {
    speechToText: { transcribe: (audio, stage) => companion.transcribe(audio, stage) },
    languageModel: { reply: (_request, stage) => companion.reply(stage) },
    textToSpeech: speech,
    standby: {
      textToSpeech: speech,
      fillers: [`${WORDS_MARK} one moment`],
      apologies: [`${WORDS_MARK} sorry`],
      greetings: [`${WORDS_MARK} hello`],
    },
    voiceActivity: () => ({ isVoice: (frame) => readStamp(frame)?.kind === StampKind.speech, close() {} }),
  };
}

class Companion {
  readonly #options: CompanionOptions;

  constructor(options: CompanionOptions) {
    this.#options = options;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, stage: StageOptions): AsyncGenerator<Transcript> {
    this.#options.running.stages++;
    try {
      let frames = 0;
      for await (const _frame of audio) frames++;
      await this.#think(stage);
      yield { text: `${WORDS_MARK} ${frames} frames`, final: true };
    } finally {
      this.#options.running.stages--;
    }
  }

  async *reply(stage: StageOptions): AsyncGenerator<string> {
    this.#options.running.stages++;
    try {
      await this.#think(stage);
      if (this.#chance() < this.#options.answers.failing)
        throw new StageError('language-model', 'failed on purpose', true);
      yield `${WORDS_MARK} in answer`;
    } finally {
      this.#options.running.stages--;
    }
  }

  async *speak(text: AsyncIterable<string>, stage: StageOptions): AsyncGenerator<SpokenAudio> {
    this.#options.running.stages++;
    try {
      let words = '';
      for await (const piece of text) words += piece;
      if (words !== '') yield* this.#sound(words, stage);
    } finally {
      this.#options.running.stages--;
    }
  }

  async *#sound(words: string, stage: StageOptions): AsyncGenerator<SpokenAudio> {
    const {
      answers: { minMs, maxMs, speed },
      nextSource,
    } = this.#options;
    const source = nextSource();
    const frames = Math.ceil((minMs + this.#chance() * (maxMs - minMs)) / FRAME_MS);
    await this.#think(stage);
    for (let index = 0; index < frames && !stage.signal.aborted;) {
      const count = Math.min(frames - index, 1 + Math.floor(this.#chance() * LONGEST_CHUNK_FRAMES));
      yield { pcm: stampedSound(StampKind.response, source, index, count), ...(index === 0 && { text: words }) };
      index += count;
      await pause(this.#options.clock, (count * FRAME_MS) / speed, stage.signal);
    }
  }

  #think(stage: StageOptions): Promise<void> {
    return pause(this.#options.clock, this.#chance() * this.#options.answers.thinkMs, stage.signal);
  }

  #chance(): number {
    return this.#options.random();
  }
}

const LONGEST_CHUNK_FRAMES = 40;

/** Resolves after `ms`, or when the stage is called off. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal.addEventListener('abort', done);
  });
}
