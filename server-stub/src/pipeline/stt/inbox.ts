/** What comes by events, as an iterable: items, then an end or a failure, whichever is first. */
export class Inbox<T> {
  readonly #items: T[] = [];
  #over = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  push(item: T): void {
    if (this.#over) return;
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#failure = error;
    this.end();
  }

  async *read(): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#over) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
