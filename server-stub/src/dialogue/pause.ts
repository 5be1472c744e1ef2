/** Whether the patient, in the middle of their turn, is silent at this moment: perhaps they are done. */
export class Pause {
  #paused = false;
  #number = 0;
  #changed: () => void = () => {};

  get paused(): boolean {
    return this.#paused;
  }

  /** Pauses begun in this turn. */
  get number(): number {
    return this.#number;
  }

  set(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#number++;
    this.#changed();
  }

  /** One listener: the turn. */
  listen(changed: () => void): void {
    this.#changed = changed;
  }
}
