/** Requests to the language model that one turn may make: prepared answers, hedged requests and retries all count. */
export class RequestBudget {
  readonly #most: number;
  readonly #counted: () => void;
  #spent = 0;

  /** @param counted called with every request */
  constructor(counted: () => void = () => {}, most = MODEL_REQUESTS_A_TURN) {
    this.#most = most;
    this.#counted = counted;
  }

  get spent(): number {
    return this.#spent;
  }

  get left(): number {
    return this.#most - this.#spent;
  }

  /** An answer that may be dropped leaves enough for the one that is heard, and its retry. */
  get mayPrepare(): boolean {
    return this.left > KEPT_FOR_THE_ANSWER;
  }

  /** How many of `wanted` requests to send at once; one is kept for a retry. */
  atOnce(wanted: number): number {
    return Math.max(1, Math.min(wanted, this.left - 1));
  }

  spend(): void {
    this.#spent++;
    this.#counted();
  }
}

/** Four prepared answers, the answer, and one retry; or fewer prepared ones, and the answer asked for several times. */
export const MODEL_REQUESTS_A_TURN = 6;
const KEPT_FOR_THE_ANSWER = 2;
