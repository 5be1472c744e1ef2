/** Whether the patient, in the middle of their turn, is silent at this moment: perhaps they are done. */
export class Pause {
  #paused = false;
  #changed: () => void = () => {};

  get paused(): boolean {
    return this.#paused;
  }

  set(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    this.#changed();
  }

  /** One listener: the turn. */
  listen(changed: () => void): void {
    this.#changed = changed;
  }
}
