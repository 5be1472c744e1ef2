import type { Clock } from '../../../common/src/time/clock.ts';
import type { CodecName, ExtendedSequence, ServerMessage } from '../../../protocol/src/index.ts';
import type { ServerStats } from '../system/stats.ts';
import type { ConversationLog, DownlinkRecord } from '../store/conversation-store.ts';

/** The link to the device while there is one. */
export interface DownlinkLink {
  message(message: ServerMessage): void;
  /** @param packet makes the RTP packet; a raw link sends the bare payload */
  frame(payload: Uint8Array, packet: () => Uint8Array): void;
}

export interface DownlinkOptions {
  readonly clock: Clock;
  readonly codec: CodecName;
  readonly maxQueueMs: number;
  readonly maxHeldMs: number;
  readonly record: DownlinkRecord;
  /** What is held already (a conversation taken over from another process), consecutive from `firstFrame`. */
  readonly firstFrame: ExtendedSequence;
  readonly frames: readonly Uint8Array[];
  readonly log: ConversationLog;
  readonly stats: ServerStats;
  /** The responses of `record()` have changed. */
  readonly changed: () => void;
}

export interface StoppedResponse {
  readonly id: string;
  readonly playedMs: number;
}
