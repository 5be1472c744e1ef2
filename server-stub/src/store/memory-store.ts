import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import { FrameQueue } from '../../../common/src/link/held-frames.ts';
import { MAX_HEARD_FRAMES } from './conversation-store.ts';
import type {
  Authorise,
  ClaimedConversation,
  ConversationLog,
  ConversationRecord,
  ConversationStore,
  HeardFrame,
} from './conversation-store.ts';

interface Entry {
  record: ConversationRecord;
  readonly frames: FrameQueue;
  heard: HeardFrame[];
  /** Counts owners: a log of an earlier one writes nothing. */
  owner: number;
  lost: () => void;
  expiry: Timer | undefined;
  expiresAtMs: number;
}

/** The device sends again what comes after `micRxSeq`. */
function heardOf({ heard, record }: Entry): HeardFrame[] {
  return heard.filter(({ sequence }) => sequence <= record.micRxSeq);
}

/** Conversations in this process. Frames are shared with their owner, not copied. */
export class MemoryConversationStore implements ConversationStore {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  create(record: ConversationRecord, lost: () => void): ConversationLog {
    const frames = new FrameQueue(record.downlink.firstSequence);
    const entry: Entry = { record, frames, heard: [], owner: 0, lost, expiry: undefined, expiresAtMs: Infinity };
    this.#entries.set(record.id, entry);
    return this.#log(entry);
  }

  async claim(id: string, authorise: Authorise, lost: () => void): Promise<ClaimedConversation | undefined> {
    const entry = await this.#authorised(id, authorise);
    if (entry === undefined) return undefined;
    entry.owner++;
    entry.heard = heardOf(entry);
    entry.lost();
    entry.lost = lost;
    return {
      record: entry.record,
      firstFrame: entry.frames.first,
      frames: entry.frames.toArray(),
      heard: [...entry.heard],
      remainingMs: entry.expiresAtMs - this.#clock.now(),
      log: this.#log(entry),
    };
  }

  /** The entry as `authorise` saw it: nothing comes between its answer and the caller. */
  async #authorised(id: string, authorise: Authorise): Promise<Entry | undefined> {
    for (;;) {
      const entry = this.#entries.get(id);
      if (entry === undefined) return undefined;
      const { record, owner } = entry;
      const answer = authorise(record);
      if (!(typeof answer === 'boolean' ? answer : await answer)) return undefined;
      if (this.#entries.get(id) === entry && entry.record === record && entry.owner === owner) return entry;
    }
  }

  #log(entry: Entry): ConversationLog {
    const owner = entry.owner;
    const owned = (): boolean => entry.owner === owner;
    return {
      save: (record, expiresInMs) => {
        if (owned()) this.#save(entry, record, expiresInMs);
      },
      append: (_sequence, frame) => {
        if (owned()) entry.frames.push(frame);
      },
      release: (through) => {
        if (owned()) entry.frames.release(through);
      },
      heard: (frame) => {
        if (owned()) entry.heard.push(frame);
        if (entry.heard.length > MAX_HEARD_FRAMES) entry.heard.shift();
      },
      understood: (sequence) => {
        if (owned()) entry.heard = entry.heard.filter((frame) => frame.sequence >= sequence);
      },
      clear: (next) => {
        if (owned()) entry.frames.clear(next);
      },
      remove: () => {
        if (owned()) this.#remove(entry);
      },
    };
  }

  #save(entry: Entry, record: ConversationRecord, expiresInMs: number): void {
    entry.record = record;
    entry.expiry?.cancel();
    entry.expiresAtMs = this.#clock.now() + expiresInMs;
    entry.expiry = this.#clock.after(expiresInMs, () => this.#remove(entry));
  }

  #remove(entry: Entry): void {
    entry.owner++;
    entry.expiry?.cancel();
    this.#entries.delete(entry.record.id);
  }
}
