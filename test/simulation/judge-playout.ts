import type { Ledger, MadeFrame } from './ledger.ts';
import type { Stamp } from './stamp.ts';
import type { Verdict } from './violation.ts';

/**
 * Promise 1: every frame of a response that was not interrupted is played once, in order; none after an
 * interruption. Compares what leaves one phone's speaker with what the server made.
 */
export class PlayoutJudge {
  readonly #ledger: Ledger;
  readonly #verdict: Verdict;
  /** The conversation that the present call is in. */
  #conversationId: string | undefined;
  /** Place of the last frame heard, and of the furthest that reached the phone. */
  #heard = -1;
  #arrived = -1;
  readonly #flushed = new Set<number>();
  /** Frames before this place are over: the phone has heard from the server since their interruption. */
  #interruptedBefore = 0;
  readonly #mostQueuedFrames: number;
  #deafFrames = 0;

  constructor(ledger: Ledger, verdict: Verdict, maxQueueMs: number) {
    this.#mostQueuedFrames = maxQueueMs / 20 + 2;
    this.#ledger = ledger;
    this.#verdict = verdict;
  }

  /** A call's first `ready`. */
  began(conversationId: string): void {
    this.#conversationId = conversationId;
    this.#heard = -1;
    this.#arrived = -1;
    this.#deafFrames = 0;
    this.#interruptedBefore = 0;
  }

  ended(): void {
    this.#conversationId = undefined;
  }

  /** A frame reached the phone's socket. */
  arrived(stamp: Stamp): void {
    const place = this.#ledger.placeOf(stamp.source, stamp.index) ?? -1;
    if (this.#ledger.bySource.get(stamp.source)?.id !== this.#conversationId) return;
    this.#arrived = Math.max(this.#arrived, place);
    const waiting = this.#arrived - this.#heard;
    if (waiting > this.#mostQueuedFrames) this.#queueBound(waiting);
  }

  /** A `flush` reached the phone: nothing of that response is heard any more. */
  flushArrived(responseId: string): void {
    const source = this.#conversation?.sources.get(responseId);
    if (source !== undefined) this.#flushed.add(source);
  }

  /** Something reached the phone that was sent after the interruption of all before `place`. */
  interruptionPassed(place: number): void {
    this.#interruptedBefore = Math.max(this.#interruptedBefore, place);
  }

  /** @param stamp undefined when no voice of the far end left the speaker */
  rendered(stamp: Stamp | undefined): void {
    if (stamp === undefined) return this.#watchDeafness();
    this.#deafFrames = 0;
    const { source, index } = stamp;
    const conversation = this.#ledger.bySource.get(source);
    if (conversation === undefined || conversation.id !== this.#conversationId) {
      return this.#verdict.fail(
        1,
        'foreign-frame',
        `frame ${index} of response ${source} was heard in a call it does not belong to`,
      );
    }
    if (this.#flushed.has(source))
      this.#verdict.fail(
        1,
        'after-flush',
        `frame ${index} of response ${source} was heard after its flush had arrived`,
      );
    const place = this.#ledger.placeOf(source, index)!;
    if (place < this.#interruptedBefore && !this.#flushed.has(source)) {
      this.#verdict.fail(
        1,
        'after-interruption',
        `frame ${index} of response ${source} was heard, though it had been interrupted and the phone had heard from the server since`,
      );
    }
    if (place <= this.#heard) this.#again(conversation.made, place);
    else this.#checkSkipped(conversation.made, place);
    this.#heard = Math.max(this.#heard, place);
  }

  /** The conversation is over in peace: all that was made some time ago must have been heard. */
  atRest(madeBeforeMs: number): void {
    const made = this.#conversation?.made ?? [];
    const missing = made.findIndex(
      (frame, place) => place > this.#heard && !frame.excused && frame.madeMs < madeBeforeMs,
    );
    if (missing >= 0)
      this.#verdict.fail(
        1,
        'never-heard',
        `${describe(made[missing]!)} was made and never heard, though the line was clear for long`,
      );
  }

  get #conversation(): ReturnType<Ledger['conversations']['get']> {
    return this.#conversationId === undefined ? undefined : this.#ledger.conversations.get(this.#conversationId);
  }

  #again(made: readonly MadeFrame[], place: number): void {
    const code = place === this.#heard ? 'heard-twice' : 'out-of-order';
    this.#verdict.fail(1, code, `${describe(made[place]!)} was heard again, or behind ${describe(made[this.#heard]!)}`);
  }

  #checkSkipped(made: readonly MadeFrame[], place: number): void {
    for (let skipped = this.#heard + 1; skipped < place; skipped++) {
      const frame = made[skipped]!;
      // Even an interrupted response is heard without a hole as far as it is heard.
      if (frame.excused && frame.source !== made[place]!.source) continue;
      return this.#verdict.fail(
        1,
        'missing-frames',
        `${describe(frame)} was not heard: after it came ${describe(made[place]!)}`,
      );
    }
  }

  /** Frames are there and none is played: the queue has got stuck. */
  #watchDeafness(): void {
    if (!this.#somethingWaits()) this.#deafFrames = 0;
    else if (++this.#deafFrames === STUCK_FRAMES) {
      this.#verdict.fail(
        1,
        'stuck',
        `frames wait in the phone's queue, yet none was played for ${STUCK_FRAMES} frames of the card`,
      );
    }
  }

  #somethingWaits(): boolean {
    const made = this.#conversation?.made;
    if (made === undefined || this.#arrived <= this.#heard) return false;
    for (let place = this.#heard + 1; place <= this.#arrived; place++) {
      if (!made[place]!.excused && !this.#flushed.has(made[place]!.source)) return true;
    }
    return false;
  }

  #queueBound(waiting: number): void {
    const made = this.#conversation!.made;
    let wanted = 0;
    for (let place = this.#heard + 1; place <= this.#arrived; place++)
      if (!made[place]!.excused && !this.#flushed.has(made[place]!.source)) wanted++;
    if (wanted > this.#mostQueuedFrames)
      this.#verdict.fail(
        4,
        'queue-bound',
        `${wanted} frames wait in the phone, of ${waiting} sent ahead; the limit is ${this.#mostQueuedFrames}`,
      );
  }
}

function describe(frame: MadeFrame): string {
  return `frame ${frame.index} of response ${frame.source} (number ${frame.sequence})`;
}

/** A prompt that must be let finish takes less. */
const STUCK_FRAMES = 250;
