import type { Verdict } from './violation.ts';

const STALE_MS = 3_000;
/** One frame, and what a timer may be late. */
const SLACK_MS = 21;
const MOST_BUFFERED_BYTES = 24 * 1024;

/** One stretch of frames that the server heard on one process; the numbers are the microphone's own count. */
interface Ear {
  last: number;
  readonly discarded: { readonly fromSeq: number; readonly toSeq: number }[];
  /** Where the server said at a resume that it goes on. */
  claimed: number | undefined;
}

/**
 * Promise 4, its other part: microphone frames reach the server once and in order; what is missing was over 3 s old
 * when it could have been sent, and was reported as `discarded`; nothing is sent late. Ages are by the phone's clock.
 */
export class MicrophoneJudge {
  readonly #verdict: Verdict;
  readonly #now: () => number;
  /** Capture time by the microphone's count. */
  readonly #capturedMs: number[] = [];
  /** When a frame was first, and last, handed to a socket. */
  readonly #sentMs: number[] = [];
  readonly #numbers: number[] = [];
  #ear: Ear | undefined;

  constructor(verdict: Verdict, now: () => number) {
    this.#verdict = verdict;
    this.#now = now;
  }

  captured(): number {
    return this.#capturedMs.push(this.#now()) - 1;
  }

  /** The phone hands a frame to a socket. */
  sent(index: number, wireSequence: number): void {
    const ageMs = this.#now() - this.#capturedMs[index]!;
    if (ageMs > STALE_MS + SLACK_MS)
      this.#verdict.fail(4, 'stale-frame-sent', `a microphone frame ${Math.round(ageMs)} ms old was sent`);
    this.#sentMs[index] = this.#now();
    this.#numbers[index] = wireSequence;
  }

  buffered(bytes: number): void {
    if (bytes > MOST_BUFFERED_BYTES)
      this.#verdict.fail(
        4,
        'uplink-bound',
        `${bytes} bytes wait in the phone's socket; the limit is ${MOST_BUFFERED_BYTES}`,
      );
  }

  /** A new conversation begins. */
  listens(): void {
    this.#ear = { last: -1, discarded: [], claimed: undefined };
  }

  /** A process that had heard nothing takes the phone's word for where to go on: what lies before needs no report. */
  resumes(rxSeq: number): void {
    if (this.#ear !== undefined) this.#ear.claimed = rxSeq;
  }

  /** `discarded` reached the server. */
  discarded(fromSeq: number, toSeq: number): void {
    this.#ear?.discarded.push({ fromSeq, toSeq });
  }

  /** The server's ladder was given a frame. @param again another process heard the ones before, and did not live to say so or to understand them */
  heard(index: number, again: boolean): void {
    const ear = this.#ear;
    if (ear === undefined) return;
    if (again && index <= ear.last) {
      ear.last = index;
      return;
    }
    if (index <= ear.last)
      this.#verdict.fail(
        4,
        'microphone-order',
        `microphone frame ${index} reached the server behind frame ${ear.last}`,
      );
    if (ear.last >= 0)
      for (let missing = ear.last + 1; missing < index; missing++) this.#checkMissing(missing, index, ear);
    ear.last = Math.max(ear.last, index);
  }

  /** The line has been clear for long: the server must have heard nearly everything. */
  atRest(mostBehindMs: number): void {
    const last = this.#ear?.last ?? -1;
    const behindMs = this.#now() - (this.#capturedMs[last] ?? 0);
    if (behindMs > mostBehindMs)
      this.#verdict.fail(
        4,
        'microphone-behind',
        `the last microphone frame that the server heard is ${Math.round(behindMs)} ms old, on a clear line`,
      );
  }

  #checkMissing(missing: number, next: number, ear: Ear): void {
    const ageMs = this.#sentMs[next]! - this.#capturedMs[missing]!;
    if (ageMs < STALE_MS - SLACK_MS) {
      return this.#verdict.fail(
        4,
        'microphone-gap',
        `microphone frame ${missing} never reached the server, though it was only ${Math.round(ageMs)} ms old when frame ${next} was sent`,
      );
    }
    const number = this.#numbers[next]! - (next - missing);
    const claimed = ear.claimed !== undefined && ((ear.claimed - number) & 0xffff) < 0x8000;
    if (!claimed && !ear.discarded.some(({ fromSeq, toSeq }) => covers(fromSeq, toSeq, number))) {
      this.#verdict.fail(
        4,
        'gap-not-reported',
        `microphone frame ${missing} was shed, and no 'discarded' told the server`,
      );
    }
  }
}

/** `fromSeq` and `toSeq` are extended, `number` has 16 bits. */
function covers(fromSeq: number, toSeq: number, number: number): boolean {
  return toSeq - fromSeq >= 0xffff || ((number - fromSeq) & 0xffff) <= toSeq - fromSeq;
}
