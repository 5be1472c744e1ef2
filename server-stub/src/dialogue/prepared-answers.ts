import type { Clock } from '../../../common/src/time/clock.ts';
import type { SpokenAudio } from '../pipeline/ports.ts';
import { linkedAbort } from '../system/async-tools.ts';
import { ReplayableStream } from '../system/replayable-stream.ts';
import type { ServerStats } from '../system/stats.ts';
import { sameWords } from './transcription.ts';

/**
 * Preemptive generation: in a pause that may be the end of the turn, the answer to the words so far is made already. If
 * the turn ends there, the answer is ready that much sooner; if the patient goes on, it is dropped unheard.
 */
export class PreparedAnswers {
  readonly #options: PreparedAnswersOptions;
  #current: PreparedAnswer | undefined;
  #count = 0;

  constructor(options: PreparedAnswersOptions) {
    this.#options = options;
  }

  /** @param text the patient's words so far; '' when there is nothing to answer, or not yet */
  prepare(text: string): void {
    const { clock, stats, signal, make } = this.#options;
    if (this.#current?.answers(text) === true || signal.aborted) return;
    this.drop();
    if (text === '' || this.#count >= MAX_PREPARED || this.#options.affordable?.() === false) return;
    this.#count++;
    stats.answersPrepared++;
    this.#current = new PreparedAnswer(clock, text, signal, make);
  }

  /** The turn's words are final. */
  dropUnlessAnswers(text: string): void {
    if (this.#current?.answers(text) === false) this.drop();
  }

  /** Aborts its requests; nobody has heard any of it, and the history does not hold it. */
  drop(): void {
    const dropped = this.#current;
    this.#current = undefined;
    dropped?.abort();
    if (dropped?.taken === false) this.#options.stats.preparedDropped++;
  }

  /** The answer, to be said now. @returns undefined when none is prepared */
  take(): PreparedAnswer | undefined {
    if (this.#current === undefined) return undefined;
    this.#options.stats.preparedUsed++;
    this.#current.taken = true;
    return this.#current;
  }
}

export interface PreparedAnswersOptions {
  readonly clock: Clock;
  readonly stats: ServerStats;
  /** Aborts with the turn. */
  readonly signal: AbortSignal;
  readonly make: MakeAnswer;
  /** Whether the turn has requests left for an answer that may be dropped. */
  readonly affordable?: () => boolean;
}

/** Makes the answer to these words; `mark` is told of the first result of each stage. */
export type MakeAnswer = (
  patientText: string,
  signal: AbortSignal,
  mark: (stage: PreparedStage) => void,
) => AsyncIterable<SpokenAudio>;
export type PreparedStage = 'llmFirstTokenMs' | 'ttsFirstByteMs';

class PreparedAnswer {
  readonly #words: string;
  readonly #abort: ReturnType<typeof linkedAbort>;
  readonly #audio: ReplayableStream<SpokenAudio>;
  taken = false;
  /** By the clock. */
  readonly marks = new Map<PreparedStage, number>();

  constructor(clock: Clock, patientText: string, signal: AbortSignal, make: MakeAnswer) {
    this.#words = patientText;
    this.#abort = linkedAbort(signal);
    this.#audio = new ReplayableStream(
      make(patientText, this.#abort.signal, (stage) => {
        if (!this.marks.has(stage)) this.marks.set(stage, clock.now());
      }),
    );
  }

  answers(patientText: string): boolean {
    return sameWords(patientText, this.#words);
  }

  audio(): AsyncIterable<SpokenAudio> {
    return this.#audio.read();
  }

  abort(): void {
    this.#abort.abort();
    this.#abort.release();
  }
}

/** Per turn: somebody who pauses after every word must not cost a request each. */
const MAX_PREPARED = 4;
