import type { Clock } from '../../../../common/src/time/clock.ts';
import { ignore, linkedAbort } from '../../system/async-tools.ts';
import { StageError } from '../ports.ts';
import type { StageName } from '../ports.ts';

/** The longest waits of one request, ms. */
export interface TimeLimits {
  readonly firstMs: number;
  /** Between two results. */
  readonly nextMs: number;
}

/** The items of what `open` opens, each within its limit. Only the time spent waiting counts: a caller may be slow. */
export function eachWithTimeLimit<T>(
  clock: Clock,
  stage: StageName,
  { firstMs, nextMs }: TimeLimits,
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  let limitMs = firstMs;
  return eachAwaited(signal, open, async (next) => {
    const result = await withTimeLimit(clock, limitMs, stage, next);
    limitMs = nextMs;
    return result;
  });
}

/**
 * The items of what `open` opens, each as `wait` gives it, which may give up by throwing. The source is always told to
 * stop in the end, and never waited for then.
 */
export async function* eachAwaited<T>(
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
  wait: (next: Promise<IteratorResult<T>>) => Promise<IteratorResult<T>>,
): AsyncGenerator<T> {
  const abort = linkedAbort(signal);
  const iterator = open(abort.signal)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      // A result that comes after `wait` gave up must not be an unhandled rejection.
      next.catch(ignore);
      const result = await wait(next);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    abort.abort();
    abort.release();
    iterator.return?.().then(ignore, ignore);
  }
}

/** @throws {StageError} when `promise` takes longer */
export async function withTimeLimit<T>(
  clock: Clock,
  limitMs: number,
  stage: StageName,
  promise: Promise<T>,
): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = clock.after(limitMs, () => reject(new StageError(stage, `nothing came for ${limitMs} ms`, true)));
  });
  promise.catch(ignore);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer?.cancel();
  }
}
