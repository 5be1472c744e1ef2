import type { Clock } from '../../protocol/src/index.ts';
import type { SpokenAudio } from './pipeline/ports.ts';
import { linkedAbort } from './pipeline/steady/in-time.ts';
import { Tape } from './pipeline/steady/tape.ts';

/** Makes the answer to these words; `mark` is told when a stage gives its first result. */
export type MakeAnswer = (patientText: string, signal: AbortSignal, mark: (stage: PreparedStage) => void) => AsyncIterable<SpokenAudio>;
export type PreparedStage = 'llmFirstTokenMs' | 'ttsFirstByteMs';

/**
 * The answer to what the patient has said so far, made while nobody knows yet whether they are done. If they are, it is
 * there that much sooner; if they go on, it is thrown away and nobody has heard it.
 */
export class PreparedAnswer {
  readonly #words: string;
  readonly #abort: ReturnType<typeof linkedAbort>;
  readonly #audio: Tape<SpokenAudio>;
  /** On the clock. */
  readonly marks = new Map<PreparedStage, number>();

  constructor(clock: Clock, patientText: string, signal: AbortSignal, make: MakeAnswer) {
    this.#words = comparable(patientText);
    this.#abort = linkedAbort(signal);
    this.#audio = new Tape(make(patientText, this.#abort.signal, (stage) => {
      if (!this.marks.has(stage)) this.marks.set(stage, clock.now());
    }));
  }

  /** Recognisers change their punctuation to the last. */
  answers(patientText: string): boolean {
    return comparable(patientText) === this.#words;
  }

  audio(): AsyncIterable<SpokenAudio> {
    return this.#audio.read();
  }

  discard(): void {
    this.#abort.abort();
    this.#abort.release();
  }
}

function comparable(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
