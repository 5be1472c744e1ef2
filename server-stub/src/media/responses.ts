import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import type { DownlinkRecord, ResponseRecord } from '../store/conversation-store.ts';

/**
 * Which frames of the downlink belong to which response, until the device has said that it played or flushed them; and
 * the `response.start`, `response.end` and `flush` around them.
 */
export class Responses {
  #responses: Response[];
  #flushing: string[];
  /** A response's maker died with the process it ran in: there will be no more of it than there is. */
  #orphaned: boolean;

  constructor({ responses, flushing }: Pick<DownlinkRecord, 'responses' | 'flushing'>) {
    this.#responses = responses.map(({ id, firstSeq, lastSeq }) => ({
      id,
      firstSeq,
      lastSeq,
      startSent: true,
      endSent: false,
    }));
    this.#flushing = [...flushing];
    this.#orphaned = responses.some(({ lastSeq }) => lastSeq === undefined);
  }

  record(): Pick<DownlinkRecord, 'responses' | 'flushing'> {
    return { responses: this.#responses.map(asRecord), flushing: [...this.#flushing] };
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  begin(id: string, firstSeq: ExtendedSequence): void {
    this.#responses.push({ id, firstSeq, lastSeq: undefined, startSent: false, endSent: false });
    if (this.#responses.length > MAX_RESPONSES) this.#responses.shift();
  }

  /** One without a frame leaves no trace. */
  end(id: string, lastSeq: ExtendedSequence): void {
    const response = this.#find(id);
    if (response === undefined) return;
    response.lastSeq = lastSeq;
    if (lastSeq < response.firstSeq) this.#forget(id);
  }

  /** Frame `sequence` is about to be sent. @returns whether it is the first of its response */
  announce(sequence: ExtendedSequence, tell: Tell): boolean {
    const response = this.#responses.findLast(({ firstSeq }) => firstSeq <= sequence);
    if (response === undefined) return false;
    if (!response.startSent) {
      response.startSent = true;
      tell({ type: 'response.start', id: response.id, firstSeq: response.firstSeq });
    }
    return response.firstSeq === sequence;
  }

  /** Everything up to `sent` has been sent. */
  conclude(sent: ExtendedSequence, tell: Tell): void {
    for (const response of this.#responses) {
      if (response.endSent || response.lastSeq === undefined || response.lastSeq > sent) continue;
      response.endSent = true;
      const durationMs = (response.lastSeq - response.firstSeq + 1) * FRAME_MS;
      tell({ type: 'response.end', id: response.id, lastSeq: response.lastSeq, durationMs });
    }
  }

  /** Of a conversation taken over: only once it is known what the device has of them. @param last the last frame made */
  settleOrphans(last: ExtendedSequence): void {
    if (!this.#orphaned) return;
    this.#orphaned = false;
    for (const response of this.#responses) response.lastSeq ??= last;
  }

  /** Says again what may have been lost with the old socket; the device takes a repetition as none. */
  renew(sent: ExtendedSequence, tell: Tell): void {
    for (const id of this.#flushing) tell({ type: 'flush', id });
    for (const response of this.#responses) {
      response.endSent = false;
      const empty = response.lastSeq !== undefined && response.lastSeq < response.firstSeq;
      response.startSent = response.startSent && (empty || response.firstSeq <= sent);
      const receivedWhole = !empty && response.lastSeq !== undefined && response.lastSeq <= sent;
      if (!response.startSent || receivedWhole) continue;
      tell({ type: 'response.start', id: response.id, firstSeq: response.firstSeq });
    }
  }

  /** All of them stop, sent or not. @returns those that there were */
  flush(tell: Tell): readonly ResponseRecord[] {
    const stopped = this.#responses;
    this.#responses = [];
    for (const { id, startSent } of stopped) {
      if (!startSent) continue;
      this.#flushing.push(id);
      tell({ type: 'flush', id });
    }
    if (this.#flushing.length > MAX_RESPONSES) this.#flushing.splice(0, this.#flushing.length - MAX_RESPONSES);
    return stopped.map(asRecord);
  }

  /** The device played (or threw away) all there was of this one. */
  settled(id: string, sent: ExtendedSequence): void {
    this.#flushing = this.#flushing.filter((flushed) => flushed !== id);
    const response = this.#find(id);
    if (response?.lastSeq !== undefined && response.lastSeq <= sent) this.#forget(id);
  }

  clear(): void {
    this.#responses = [];
  }

  #find(id: string): Response | undefined {
    return this.#responses.find((response) => response.id === id);
  }

  #forget(id: string): void {
    this.#responses = this.#responses.filter((response) => response.id !== id);
  }
}

type Tell = (message: ServerMessage) => void;

interface Response {
  readonly id: string;
  readonly firstSeq: ExtendedSequence;
  lastSeq: ExtendedSequence | undefined;
  startSent: boolean;
  endSent: boolean;
}

/** Responses the device has not said it played. More means that it never says so; the oldest are then forgotten. */
const MAX_RESPONSES = 32;

function asRecord({ id, firstSeq, lastSeq }: Response): ResponseRecord {
  return lastSeq === undefined ? { id, firstSeq } : { id, firstSeq, lastSeq };
}
