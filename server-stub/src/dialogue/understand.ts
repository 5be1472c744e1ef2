import type { Clock } from '../../../common/src/time/clock.ts';
import { abortable, linkedAbort } from '../system/async-tools.ts';
import type { Deferred } from '../system/async-tools.ts';
import type { Pause } from './pause.ts';
import type { Transcript } from '../pipeline/ports.ts';

/** The patient's words so far, or, when `final`, all of them. */
export interface Understood {
  readonly text: string;
  readonly final: boolean;
  /** When these words were known, on the clock. */
  readonly knownMs: number;
}

/**
 * What the patient says, from the first guess to the words that count. Text that was settled in the pause at the turn's end
 * is final as soon as that pause turns out to be the end: nobody waits for the service to say the same again.
 * @param transcribe is told to stop by its signal as soon as enough is known
 */
export async function* understand(
  clock: Clock,
  { pause, ended }: { readonly pause: Pause; readonly ended: Deferred<unknown> },
  transcribe: (signal: AbortSignal) => AsyncIterable<Transcript>,
  lasting: AbortSignal,
): AsyncGenerator<Understood> {
  const enough = linkedAbort(lasting);
  let latest = '';
  let settled: (Understood & { readonly pause: number }) | undefined;
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
      const understood = { text, final, knownMs: clock.now() };
      if (transcript.settled === true && pause.paused) settled = { ...understood, pause: pause.number };
      yield understood;
      check();
    }
  } catch (error) {
    if (!enough.signal.aborted || lasting.aborted || settled === undefined) throw error;
    yield { text: settled.text, final: true, knownMs: settled.knownMs };
  } finally {
    enough.abort();
    enough.release();
  }
}

/** Recognisers change their punctuation to the last. */
export function sameWords(one: string, other: string): boolean {
  return comparable(one) === comparable(other);
}

function comparable(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
