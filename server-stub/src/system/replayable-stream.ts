/**
 * A stream that can be read again from its beginning, so that what a patient said is not lost with a connection. The
 * source is read once, as fast as it comes.
 */
export class ReplayableStream<T> {
  readonly #items: T[] = [];
  #over = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void)[] = [];
  /** Resolves when the source has ended, well or badly. */
  readonly ended: Promise<void>;

  constructor(source: AsyncIterable<T>) {
    this.ended = this.#record(source);
  }

  async *read(): AsyncGenerator<T> {
    for (let at = 0; ; at++) {
      while (at >= this.#items.length) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#over) return;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
      yield this.#items[at]!;
    }
  }

  async #record(source: AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of source) {
        this.#items.push(item);
        this.#wakeReaders();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#over = true;
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
