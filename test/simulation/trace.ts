/** A running hash (FNV-1a) over all that was observed in a run: two runs of one script have the same. */
export class Trace {
  #hash = 0x811c9dc5;

  note(text: string): void {
    for (let at = 0; at < text.length; at++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(at), 0x01000193);
  }

  number(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash = Math.imul(this.#hash ^ ((value * 1_000) | 0), 0x01000193);
  }

  get digest(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }
}
