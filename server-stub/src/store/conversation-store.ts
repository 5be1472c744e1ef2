import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { CodecName, ExtendedSequence } from '../../../protocol/src/index.ts';
import type { Utterance } from '../pipeline/ports.ts';
import type { ServerStats } from '../system/stats.ts';

/**
 * Where a conversation lives besides the process that holds its socket, so that a phone can resume on another one.
 *
 * One process owns a conversation and writes; writes are sent and not waited for (`ConversationLog` returns at once), so
 * a slow store never delays audio. What a crash can cut off is the last writes under way, never what came before them:
 * an adapter must keep one conversation's writes in order.
 */
export interface ConversationStore {
  /** A new conversation, owned by the caller. `lost` is called once when another process claims it. */
  create(record: ConversationRecord, lost: () => void): ConversationLog;
  /**
   * Takes a conversation over, atomically, if it still exists and `authorise` accepts its record. `authorise` may take
   * its time to prepare what the conversation needs: nothing is taken before it has answered, and it is asked again
   * when the record changed meanwhile. A claim that fails, however late, changes nothing that another claim needs.
   * @returns undefined when unknown, over, or refused
   */
  claim(id: string, authorise: Authorise, lost: () => void): Promise<ClaimedConversation | undefined>;
}

/** @throws whatever keeps the conversation from being taken over; the claim then fails with it */
export type Authorise = (record: ConversationRecord) => boolean | Promise<boolean>;

/** The owner's writing end. After `remove()`, or when the conversation was lost, every call does nothing. */
export interface ConversationLog {
  /** @param expiresInMs the store forgets the conversation after this long without another `save` */
  save(record: ConversationRecord, expiresInMs: number): void;
  append(sequence: ExtendedSequence, frame: Uint8Array): void;
  /** The device has everything up to `through`. */
  release(through: ExtendedSequence): void;
  /** A microphone frame that the device may forget after the next `save`; it is written with that. */
  heard(frame: HeardFrame): void;
  /** What was said in the microphone frames before `sequence` is in the history, or was nothing. */
  understood(sequence: ExtendedSequence): void;
  /** The response was interrupted: no frame is held any more, and numbers go on at `next`. */
  clear(next: ExtendedSequence): void;
  remove(): void;
}

export interface ClaimedConversation {
  readonly record: ConversationRecord;
  /** Payloads not acknowledged, consecutive from `firstFrame`. */
  readonly firstFrame: ExtendedSequence;
  readonly frames: readonly Uint8Array[];
  /** Microphone frames that nobody has understood yet, in order; with gaps where the device shed some. */
  readonly heard: readonly HeardFrame[];
  readonly remainingMs: number;
  readonly log: ConversationLog;
}

/** What the microphone sent, as it came. */
export interface HeardFrame {
  readonly sequence: ExtendedSequence;
  readonly payload: Uint8Array;
}

/** A longer utterance is understood from its last minute only. */
export const MAX_HEARD_FRAMES = 60_000 / FRAME_MS;

/** Everything of a conversation but its frames. Plain data: it goes through JSON. */
export interface ConversationRecord {
  readonly id: string;
  readonly deviceId: string;
  readonly codec: CodecName;
  readonly maxQueueMs: number;
  readonly language: string;
  /** Valid tokens: the current one, and the one before it until the device has shown that it got the current one. */
  readonly tokens: readonly string[];
  readonly downlink: DownlinkRecord;
  /** Last microphone frame held, or −1. */
  readonly micRxSeq: number;
  /** First microphone frame of each utterance that is not understood yet, in order. Absent: none. */
  readonly utterances?: readonly ExtendedSequence[];
  readonly history: readonly Utterance[];
}

export interface DownlinkRecord {
  readonly ssrc: number;
  /** Number and timestamp of the conversation's first frame: every other timestamp follows from its number. */
  readonly firstSequence: ExtendedSequence;
  readonly firstTimestamp: number;
  readonly responses: readonly ResponseRecord[];
  /** Frames before this one were played or interrupted: no queue holds them. Absent: none was interrupted. */
  readonly queueBegins?: ExtendedSequence;
  /** Interrupted responses whose `flush` the device has not confirmed. */
  readonly flushing: readonly string[];
}

export interface ResponseRecord {
  readonly id: string;
  readonly firstSeq: ExtendedSequence;
  /** Absent while the response is being made. */
  readonly lastSeq?: ExtendedSequence;
}

/** `--store` and what goes with it, checked. */
export interface StoreChoice {
  /** Holds no password. */
  readonly url: string;
  readonly password: string | undefined;
}

export interface StoreParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: ServerStats;
}

export interface OpenedStore {
  readonly conversations: ConversationStore;
  /** It could not be reached the last time that it was tried. */
  failing(): boolean;
  /** Waits up to a second for the last writes to arrive. */
  close(): Promise<void>;
}
