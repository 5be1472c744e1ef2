/** Thrown to whoever waits for a result that is no longer wanted. */
class AbortedError extends Error {
  override readonly name = 'AbortedError';
}

/**
 * The items of `source` until `signal` aborts; then throws `AbortedError` at once, even if the source hangs. The
 * source is told to stop but not waited for.
 */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const { aborted, release } = abortion(signal);
  try {
    for (;;) {
      const result = await Promise.race([iterator.next(), aborted]);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    release();
    if (signal.aborted) iterator.return?.().then(ignore, ignore);
  }
}

function abortion(signal: AbortSignal): { aborted: Promise<never>; release: () => void } {
  let release = ignore;
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => reject(new AbortedError('no longer wanted'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    release = () => signal.removeEventListener('abort', abort);
  });
  // Nobody may be waiting when it aborts: that must not be an unhandled rejection.
  aborted.catch(ignore);
  return { aborted, release };
}

/** An abort controller that follows another signal. `AbortSignal.any` keeps its sources alive in some Node 20 releases. */
export function linkedAbort(parent: AbortSignal): AbortController & { release(): void } {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  return Object.assign(controller, { release: () => parent.removeEventListener('abort', follow) });
}

export async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

/** For a promise whose failure is dealt with elsewhere. */
export function ignore(): void {}

/** A queue that one side pushes into and the other iterates, once. Bounded: when it is full, the oldest item is dropped. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    if (this.#items.length > this.#limit) this.#items.shift();
    this.#wake?.();
  }

  /** What is in it can still be read. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Ends it too; whoever iterates gets the error after the items. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failure = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

/** A promise and its resolver (Node 20 has no `Promise.withResolvers`). */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = ignore;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
