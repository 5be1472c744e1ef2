import type { Clock } from '../../../common/src/time/clock.ts';
import { abortable, linkedAbort } from '../system/async-tools.ts';
import type { Deferred } from '../system/async-tools.ts';
import type { Transcript } from '../pipeline/ports.ts';

/** The patient's words so far, or, when `final`, all of them. */
interface TurnTranscript {
  readonly text: string;
  readonly final: boolean;
  /** When these words were known, by the clock. */
  readonly knownMs: number;
}

/**
 * The transcripts of one turn, from the first partial to the final one. Text that was settled in the pause at the turn's
 * end is final as soon as that pause turns out to be the end, without waiting for the service to send the same again.
 * @param transcribe its signal aborts as soon as the final text is known
 * @param signal aborts with the conversation
 */
export async function* transcribeTurn(
  clock: Clock,
  { pause, ended }: { readonly pause: Pause; readonly ended: Deferred<unknown> },
  transcribe: (signal: AbortSignal) => AsyncIterable<Transcript>,
  signal: AbortSignal,
): AsyncGenerator<TurnTranscript> {
  const enough = linkedAbort(signal);
  let latest = '';
  let settled: (TurnTranscript & { readonly pause: number }) | undefined;
  let over = false;
  const check = (): void => {
    if (over && pause.paused && settled?.pause === pause.number && sameWords(settled.text, latest)) enough.abort();
  };
  void ended.promise.then(() => {
    over = true;
    check();
  });
  try {
    for await (const transcript of abortable(transcribe(enough.signal), enough.signal)) {
      const { text, final } = transcript;
      latest = text;
      const current = { text, final, knownMs: clock.now() };
      if (transcript.settled === true && pause.paused) settled = { ...current, pause: pause.number };
      yield current;
      check();
    }
  } catch (error) {
    if (!enough.signal.aborted || signal.aborted || settled === undefined) throw error;
    yield { text: settled.text, final: true, knownMs: settled.knownMs };
  } finally {
    enough.abort();
    enough.release();
  }
}

/** Recognisers change punctuation until the final transcript. */
export function sameWords(one: string, other: string): boolean {
  return comparable(one) === comparable(other);
}

function comparable(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Whether the patient is silent at this moment within their turn: a pause that may be its end. */
export class Pause {
  #paused = false;
  #number = 0;
  #changed: () => void = () => {};

  get paused(): boolean {
    return this.#paused;
  }

  /** Counts the pauses of this turn. */
  get number(): number {
    return this.#number;
  }

  set(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#number++;
    this.#changed();
  }

  /** One listener: the turn. */
  listen(changed: () => void): void {
    this.#changed = changed;
  }
}
