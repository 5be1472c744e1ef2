/**
 * Takes a model's reasoning (`<think>…</think>`) out of its stream: it is not for the patient's ear. A tag may arrive in
 * pieces, and reasoning that never ends is no answer.
 */
export class ThoughtFilter {
  #pending = '';
  #thinking = false;
  #some = false;

  /** Whether any words were passed on. */
  get some(): boolean {
    return this.#some;
  }

  /** @returns the words in it, as far as they are known to be words */
  push(piece: string): string {
    this.#pending += piece;
    let words = '';
    for (;;) {
      const tag = this.#thinking ? END : BEGIN;
      const at = this.#pending.indexOf(tag);
      if (at < 0) {
        const kept = partialTag(this.#pending, tag);
        if (!this.#thinking) words += this.#pending.slice(0, this.#pending.length - kept);
        this.#pending = this.#pending.slice(this.#pending.length - kept);
        return this.#passed(words);
      }
      if (!this.#thinking) words += this.#pending.slice(0, at);
      this.#pending = this.#pending.slice(at + tag.length);
      this.#thinking = !this.#thinking;
    }
  }

  /** At the end of the stream: what looked like the beginning of a tag and was none. */
  rest(): string {
    const rest = this.#thinking ? '' : this.#pending;
    this.#pending = '';
    return this.#passed(rest);
  }

  #passed(words: string): string {
    this.#some ||= words.trim() !== '';
    return words;
  }
}

const BEGIN = '<think>';
const END = '</think>';

/** @returns the length of the text's end that may be the beginning of `tag` */
function partialTag(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--)
    if (tag.startsWith(text.slice(-length))) return length;
  return 0;
}
