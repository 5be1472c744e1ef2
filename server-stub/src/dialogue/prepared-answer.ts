import type { Clock } from '../../../common/src/time/clock.ts';
import type { SpokenAudio } from '../pipeline/ports.ts';
import { linkedAbort } from '../system/async-tools.ts';
import { ReplayableStream } from '../system/replayable-stream.ts';
import { sameWords } from './understand.ts';

/** Makes the answer to these words; `mark` is told when a stage gives its first result. */
export type MakeAnswer = (
  patientText: string,
  signal: AbortSignal,
  mark: (stage: PreparedStage) => void,
) => AsyncIterable<SpokenAudio>;
export type PreparedStage = 'llmFirstTokenMs' | 'ttsFirstByteMs';

/**
 * The answer to what the patient has said so far, made while nobody knows yet whether they are done. If they are, it is
 * there that much sooner; if they go on, it is thrown away and nobody has heard it.
 */
export class PreparedAnswer {
  readonly #words: string;
  readonly #abort: ReturnType<typeof linkedAbort>;
  readonly #audio: ReplayableStream<SpokenAudio>;
  #taken = false;
  /** On the clock. */
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

  /** Somebody will hear it. */
  take(): AsyncIterable<SpokenAudio> {
    this.#taken = true;
    return this.#audio.read();
  }

  get taken(): boolean {
    return this.#taken;
  }

  discard(): void {
    this.#abort.abort();
    this.#abort.release();
  }
}
