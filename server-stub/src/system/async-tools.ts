/** Raised where a stage was waited for and is no longer wanted; never shown to anybody. */
export class AbortedError extends Error {
  override readonly name = 'AbortedError';
}

/**
 * The items of `source` until `signal` aborts; then throws `AbortedError` at once, even if the source hangs. The
 * source is told to finish but not waited for.
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
  // The race may be over before the abort: that is no unhandled rejection.
  aborted.catch(ignore);
  return { aborted, release };
}

function ignore(): void {}

/** A queue that one side pushes into and the other iterates, once. Bounded: what does not fit is dropped, oldest first. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #ended = false;
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

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
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
