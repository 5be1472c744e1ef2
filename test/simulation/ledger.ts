import type { EndReason } from '../../protocol/src/index.ts';
import type { ConversationRecord } from '../../server-stub/src/store/conversation-store.ts';
import type { StoreWitness } from './process-store.ts';
import type { ServerProcess } from './server-process.ts';
import { unpackStamp } from './stamp.ts';

/** One frame that the server made, in the order of making. */
export interface MadeFrame {
  readonly source: number;
  readonly index: number;
  readonly sequence: number;
  readonly madeMs: number;
  stored: boolean;
  /** It died with the process that made it. */
  lost: boolean;
  /** It need not be heard: its response was interrupted, or it was lost. */
  excused: boolean;
}

/** What the server is known to have done in one conversation, from what it wrote to its store, its log and its sockets. */
export interface Conversation {
  readonly id: string;
  readonly deviceId: string;
  /** The process that it belongs to, by number. */
  owner: number;
  readonly made: MadeFrame[];
  /** Place in `made` by sequence number; the newest, for numbers never sent are given out again. */
  readonly placeOf: Map<number, number>;
  /** Frames before this place are excused, all of them. */
  settledBefore: number;
  /** Frames before this place were interrupted: what is said from then on tells the phone so. */
  interruptedBefore: number;
  /** Response id → stamp source, from `response.start`. */
  readonly sources: Map<string, number>;
  /** Newest last. */
  readonly tokens: string[];
  /** How many of them the server knows the phone to have had. */
  confirmedTokens: number;
  end: { readonly reason: EndReason; readonly atMs: number } | undefined;
  /** Waiting for the phone: since when and for how long, on the server's own clock. */
  waiting: { readonly sinceMs: number; readonly windowMs: number; readonly process: ServerProcess } | undefined;
}

/** All conversations of a run. */
export class Ledger implements StoreWitness {
  readonly conversations = new Map<string, Conversation>();
  readonly bySource = new Map<number, Conversation>();
  /** Stamp → place in its conversation's `made`. */
  readonly #places = new Map<number, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  placeOf(source: number, index: number): number | undefined {
    return this.#places.get(source * MOST_FRAMES + index);
  }

  created(record: ConversationRecord, process: number): void {
    this.conversations.set(record.id, {
      id: record.id,
      deviceId: record.deviceId,
      owner: process,
      made: [],
      settledBefore: 0,
      interruptedBefore: 0,
      placeOf: new Map(),
      sources: new Map(),
      tokens: [],
      confirmedTokens: 0,
      end: undefined,
      waiting: undefined,
    });
  }

  /** Another process has it from now on. What the old one goes on to make until it is told is nobody's. */
  claimed(id: string, process: number): void {
    const conversation = this.conversations.get(id)!;
    conversation.owner = process;
    loseUnstored(conversation);
  }

  appended(id: string, sequence: number, payload: Uint8Array, process: number): void {
    const conversation = this.conversations.get(id)!;
    if (process !== conversation.owner) return;
    const { source, index } = unpackStamp(payload)!;
    const place = conversation.made.length;
    this.#places.set(source * MOST_FRAMES + index, place);
    this.bySource.set(source, conversation);
    conversation.placeOf.set(sequence, place);
    conversation.made.push({
      source,
      index,
      sequence,
      madeMs: this.#now(),
      stored: false,
      lost: false,
      excused: false,
    });
  }

  stored(id: string, sequence: number, process: number): void {
    const conversation = this.conversations.get(id)!;
    if (process === conversation.owner) conversation.made[conversation.placeOf.get(sequence)!]!.stored = true;
  }

  /** An interruption: what was made up to now need not be heard, and soon must not. */
  cleared(id: string, next: number): void {
    const conversation = this.conversations.get(id)!;
    const { made } = conversation;
    // Numbers that leap ahead of all that was kept follow a crash, not an interruption.
    const kept = made.findLast((frame) => !frame.lost);
    if (kept !== undefined && next <= kept.sequence + 1) conversation.interruptedBefore = made.length;
    for (let place = conversation.settledBefore; place < made.length; place++) made[place]!.excused = true;
    conversation.settledBefore = made.length;
  }

  /** A process died: what it had not written is nobody's fault. */
  processKilled(): void {
    for (const conversation of this.conversations.values()) {
      // That the newest token was confirmed may not have been written.
      conversation.confirmedTokens--;
      loseUnstored(conversation);
    }
  }
}

function loseUnstored({ made, settledBefore }: Conversation): void {
  for (let place = settledBefore; place < made.length; place++) {
    const frame = made[place]!;
    if (frame.stored) continue;
    frame.lost = true;
    frame.excused = true;
  }
}

const MOST_FRAMES = 65_536;
