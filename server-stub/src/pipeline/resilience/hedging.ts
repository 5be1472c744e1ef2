import { linkedAbort } from './time-limit.ts';

/**
 * The same asked `times` times at once: the items of whoever gives the first one first. The others are told to stop then;
 * it fails when all of them did.
 */
export async function* firstOf<T>(
  times: number,
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const runs = Array.from({ length: times }, () => new Run(signal, open));
  try {
    const first = await Promise.any(runs.map((run) => run.first)).catch((error: AggregateError) => {
      throw error.errors[0];
    });
    for (const run of runs) if (run !== first.run) run.stop();
    yield* first.run.from(first.result);
  } finally {
    for (const run of runs) run.stop();
  }
}

class Run<T> {
  readonly first: Promise<{ readonly run: Run<T>; readonly result: IteratorResult<T> }>;
  readonly #abort: ReturnType<typeof linkedAbort>;
  readonly #iterator: AsyncIterator<T>;

  constructor(signal: AbortSignal, open: (signal: AbortSignal) => AsyncIterable<T>) {
    this.#abort = linkedAbort(signal);
    this.#iterator = open(this.#abort.signal)[Symbol.asyncIterator]();
    this.first = this.#iterator.next().then((result) => ({ run: this, result }));
  }

  async *from(first: IteratorResult<T>): AsyncGenerator<T> {
    for (let result = first; result.done !== true; result = await this.#iterator.next()) yield result.value;
  }

  stop(): void {
    this.#abort.abort();
    this.#abort.release();
    this.#iterator.return?.().then(ignore, ignore);
  }
}

function ignore(): void {}
