import type { Clock } from '../../../common/src/time/clock.ts';
import type { ExtendedSequence } from '../../../protocol/src/index.ts';
import { FrameQueue } from '../../../common/src/link/held-frames.ts';
import { MAX_HEARD_FRAMES } from './conversation-store.ts';
import type { ConversationLog, ConversationRecord, HeardFrame } from './conversation-store.ts';
import type { RemoteConversations, RemoteWrite, WriteOutcome } from './redis-scripts.ts';

/**
 * The owner's end of a conversation in Redis: a mirror of what should be there (the frames are shared with the
 * conversation, not copied), and writes of what has changed in it.
 *
 *   save, append, release, clear → mirror → one write at the end of this turn of the event loop → Redis
 *
 * Frames thus leave for Redis in the turn in which they are made and sent. Writes are pipelined up to a limit; beyond
 * it changes gather in the mirror, which the conversation bounds, and go out together. Whatever goes wrong is put
 * right in one way: everything is written anew.
 */
export class RedisConversationLog implements ConversationLog {
  readonly #options: RedisLogOptions;
  readonly #frames: FrameQueue;
  /** Microphone frames, packed, by the order of their coming. */
  readonly #heard: FrameQueue;
  #heardWritten: number;
  #record: string;
  #recordChanged: boolean;
  #expiresAtMs: number;
  /** Frames before this one have been handed to Redis. */
  #written: ExtendedSequence;
  #anew: boolean;
  /** Counts writes of everything: answers to older ones say nothing any more. */
  #generation = 0;
  #changed = false;
  #scheduled = false;
  #inFlight = 0;
  /** Something failed: nothing is written before `retry`. */
  #waiting = false;
  #over = false;

  constructor(options: RedisLogOptions) {
    const { clock, record, firstFrame, frames, heardFirst, heard, expiresInMs, stored } = options;
    this.#options = options;
    this.#frames = new FrameQueue(firstFrame, frames);
    this.#heard = new FrameQueue(heardFirst, heard);
    this.#heardWritten = this.#heard.next;
    this.#record = JSON.stringify(record);
    this.#recordChanged = !stored;
    this.#expiresAtMs = clock.now() + expiresInMs;
    this.#written = this.#frames.next;
    this.#anew = !stored;
    if (!stored) this.#touch();
  }

  save(record: ConversationRecord, expiresInMs: number): void {
    const text = JSON.stringify(record);
    this.#recordChanged ||= text !== this.#record;
    this.#record = text;
    this.#expiresAtMs = this.#options.clock.now() + expiresInMs;
    this.#touch();
  }

  append(_sequence: ExtendedSequence, frame: Uint8Array): void {
    if (this.#over) return;
    this.#frames.push(frame);
    this.#touch();
  }

  release(through: ExtendedSequence): void {
    this.#frames.release(through);
    this.#touch();
  }

  /** Goes out with the next change: 50 writes a second for what only a `save` makes worth anything would be too many. */
  heard(frame: HeardFrame): void {
    if (this.#over) return;
    this.#heard.push(packHeard(frame));
    if (this.#heard.length > MAX_HEARD_FRAMES) this.#heard.release(this.#heard.first);
  }

  understood(sequence: ExtendedSequence): void {
    while (this.#heard.length > 0 && unpackHeard(this.#heard.at(this.#heard.first)!).sequence < sequence)
      this.#heard.release(this.#heard.first);
  }

  clear(next: ExtendedSequence): void {
    this.#frames.clear(next);
    this.#anew = true;
    this.#touch();
  }

  /** If Redis cannot be told, it forgets by itself. */
  remove(): void {
    if (this.#over) return;
    this.#close();
    this.#options.remote
      .remove(this.#options.id, this.#options.owner)
      .catch((error: unknown) => this.#options.failed(error));
  }

  /** After a failure: tries again to write everything. */
  retry(): void {
    this.#waiting = false;
    this.#flush();
  }

  #touch(): void {
    this.#changed = true;
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#over || this.#waiting || !this.#changed || this.#inFlight >= MAX_IN_FLIGHT) return;
    const expiresInMs = Math.ceil(this.#expiresAtMs - this.#options.clock.now());
    if (expiresInMs <= 0) return this.#close();
    const write = this.#nextWrite(expiresInMs);
    const generation = this.#generation;
    this.#inFlight++;
    this.#options.remote.write(this.#options.id, write).then(
      (outcome) => this.#answered(outcome, generation),
      (error: unknown) => this.#failed(error, generation),
    );
  }

  #nextWrite(expiresInMs: number): RemoteWrite {
    // Frames may be acknowledged before Redis ever saw them.
    const anew = this.#anew || this.#frames.first > this.#written || this.#heard.first > this.#heardWritten;
    const from = anew ? this.#frames.first : this.#written;
    const heardFrom = anew ? this.#heard.first : this.#heardWritten;
    const write: RemoteWrite = {
      owner: this.#options.owner,
      expiresInMs,
      record: anew || this.#recordChanged ? this.#record : undefined,
      first: this.#frames.first,
      from: anew ? undefined : from,
      frames: this.#frames.since(from),
      heard: { first: this.#heard.first, from: anew ? undefined : heardFrom, frames: this.#heard.since(heardFrom) },
    };
    if (anew) this.#generation++;
    this.#anew = false;
    this.#changed = false;
    this.#recordChanged = false;
    this.#written = this.#frames.next;
    this.#heardWritten = this.#heard.next;
    return write;
  }

  #answered(outcome: WriteOutcome, generation: number): void {
    this.#inFlight--;
    if (this.#over) return;
    this.#options.succeeded();
    if (outcome === 'lost') {
      this.#close();
      return this.#options.lost();
    }
    if (outcome === 'gap' && generation === this.#generation) this.#startAnew();
    this.#flush();
  }

  #failed(error: unknown, generation: number): void {
    this.#inFlight--;
    this.#options.failed(error);
    if (this.#over || generation !== this.#generation) return;
    this.#startAnew();
    this.#waiting = true;
    this.#options.retryLater(this);
  }

  #startAnew(): void {
    this.#anew = true;
    this.#changed = true;
  }

  #close(): void {
    this.#over = true;
    this.#frames.clear(this.#frames.next);
    this.#heard.clear(this.#heard.next);
  }
}

export interface RedisLogOptions {
  readonly clock: Clock;
  readonly remote: RemoteConversations;
  readonly id: string;
  readonly owner: string;
  readonly record: ConversationRecord;
  readonly firstFrame: ExtendedSequence;
  readonly frames: readonly Uint8Array[];
  /** Count of the first of `heard`. */
  readonly heardFirst: number;
  /** Packed. */
  readonly heard: readonly Uint8Array[];
  readonly expiresInMs: number;
  /** All of this is in Redis already. */
  readonly stored: boolean;
  readonly lost: () => void;
  readonly succeeded: () => void;
  readonly failed: (error: unknown) => void;
  /** Calls `log.retry()` after a while. */
  readonly retryLater: (log: RedisConversationLog) => void;
}

/** Of one conversation. A frame each 20 ms fills it when an answer takes over a second. */
const MAX_IN_FLIGHT = 64;

function packHeard({ sequence, payload }: HeardFrame): Uint8Array {
  const packed = Buffer.allocUnsafe(4 + payload.length);
  packed.writeUInt32BE(sequence);
  packed.set(payload, 4);
  return packed;
}

export function unpackHeard(packed: Uint8Array): HeardFrame {
  const sequence = Buffer.from(packed.buffer, packed.byteOffset, 4).readUInt32BE();
  return { sequence, payload: packed.subarray(4) };
}
