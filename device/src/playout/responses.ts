import type { ExtendedSequence } from '../../../protocol/src/index.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';

/** One thing the companion says, as a stretch of sequence numbers. */
export interface ResponseRecord {
  readonly id: string;
  firstSequence: ExtendedSequence;
  /** `undefined` while the server still makes it. */
  lastSequence: ExtendedSequence | undefined;
  state: 'waiting' | 'playing' | 'finished' | 'flushed';
  /** Slots of 20 ms rendered, lost ones included: the position in what is said. */
  playedSlots: number;
}

/** Responses remembered after their end, for messages that come again after a resume. */
const REMEMBERED = 64;

/**
 * Which frames belong to which response. All messages may come again (after a resume), so everything here is
 * idempotent by id.
 */
export class ResponseBook {
  readonly #byId = new Map<string, ResponseRecord>();
  /** Neither finished nor flushed, in order. */
  readonly #open: ResponseRecord[] = [];
  #flushed: ResponseRecord[] = [];

  /** The response that is being played, or the next to be. */
  get current(): ResponseRecord | undefined {
    return this.#open[0];
  }

  playedMs(id: string): number {
    return (this.#byId.get(id)?.playedSlots ?? 0) * FRAME_MS;
  }

  /**
   * @param highest the highest sequence number received so far: where a response ends that never was ended
   */
  start(id: string, firstSequence: ExtendedSequence, highest: ExtendedSequence): void {
    const known = this.#byId.get(id);
    if (known !== undefined && !Number.isNaN(known.firstSequence)) return;
    this.#endBefore(firstSequence, highest);
    if (known !== undefined) {
      known.firstSequence = firstSequence;
      return;
    }
    const record: ResponseRecord = { id, firstSequence, lastSequence: undefined, state: 'waiting', playedSlots: 0 };
    this.#remember(record);
    this.#open.push(record);
  }

  end(id: string, lastSequence: ExtendedSequence): void {
    const record = this.#byId.get(id);
    if (record !== undefined) record.lastSequence ??= lastSequence;
  }

  /** @returns the record when this call is what flushed it */
  flush(id: string): ResponseRecord | undefined {
    const record = this.#byId.get(id);
    // Flushed before its start was heard of: remembered, so that the start finds it flushed.
    if (record === undefined) {
      this.#remember(this.#flushedBeforeStart(id));
      return undefined;
    }
    if (record.state === 'finished' || record.state === 'flushed') return undefined;
    record.state = 'flushed';
    this.#close(record);
    this.#flushed.push(record);
    return record;
  }

  finish(record: ResponseRecord): void {
    record.state = 'finished';
    this.#close(record);
  }

  /** True for a frame of a response that was flushed: still in flight, not wanted. */
  isFlushed(sequence: ExtendedSequence): boolean {
    return this.#flushed.some(
      (record) =>
        sequence >= record.firstSequence && (record.lastSequence === undefined || sequence <= record.lastSequence),
    );
  }

  #flushedBeforeStart(id: string): ResponseRecord {
    const record: ResponseRecord = {
      id,
      firstSequence: Number.NaN,
      lastSequence: undefined,
      state: 'flushed',
      playedSlots: 0,
    };
    this.#flushed.push(record);
    return record;
  }

  /** What has no end yet ends where the next response begins. */
  #endBefore(firstSequence: ExtendedSequence, highest: ExtendedSequence): void {
    for (const record of this.#open) record.lastSequence ??= Math.min(firstSequence - 1, highest);
    for (const record of this.#flushed)
      if (!Number.isNaN(record.firstSequence)) record.lastSequence ??= firstSequence - 1;
    this.#flushed = this.#flushed.slice(-REMEMBERED);
  }

  #remember(record: ResponseRecord): void {
    this.#byId.set(record.id, record);
    if (this.#byId.size <= REMEMBERED) return;
    for (const [id, old] of this.#byId) {
      if (this.#open.includes(old)) continue;
      this.#byId.delete(id);
      break;
    }
  }

  #close(record: ResponseRecord): void {
    const at = this.#open.indexOf(record);
    if (at >= 0) this.#open.splice(at, 1);
  }
}
