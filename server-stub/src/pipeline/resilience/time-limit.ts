import type { Clock } from '../../../../common/src/time/clock.ts';
import { StageError } from '../ports.ts';
import type { StageName } from '../ports.ts';

/** How long a stage may keep its caller waiting, ms. */
export interface Patience {
  readonly firstMs: number;
  /** Between two results. */
  readonly nextMs: number;
}

/**
 * The items of what `open` opens, each in its time. One that does not come ends it with a `StageError`, and the source is
 * told to stop in any case. Only time spent waiting counts: a caller may dawdle.
 */
export async function* inTime<T>(
  clock: Clock,
  stage: StageName,
  patience: Patience,
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const abort = linkedAbort(signal);
  const iterator = open(abort.signal)[Symbol.asyncIterator]();
  try {
    for (let limitMs = patience.firstMs; ; limitMs = patience.nextMs) {
      const result = await within(clock, limitMs, stage, iterator.next());
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
export async function within<T>(clock: Clock, limitMs: number, stage: StageName, promise: Promise<T>): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = clock.after(limitMs, () => reject(new StageError(stage, `nothing came for ${limitMs} ms`, true)));
  });
  // What comes after it was given up must not be an unhandled rejection.
  promise.catch(ignore);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer?.cancel();
  }
}

/** An abort of one's own that follows another. `AbortSignal.any` keeps hold of its sources in some Node 20 releases. */
export function linkedAbort(parent: AbortSignal): AbortController & { release(): void } {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  return Object.assign(controller, { release: () => parent.removeEventListener('abort', follow) });
}

function ignore(): void {}
