import type { Rung } from '../../../common/src/concealment/ladder.ts';
import type { Inserted, QueuedPacket } from './jitter-queue.ts';

/** What became of one slot of 20 ms. */
export interface Rendered {
  /** 320 samples. */
  readonly samples: Int16Array;
  readonly rung: Rung;
  /**
   * - `flowing` part of what the far end says, received or made good;
   * - `waiting` the far end is in the middle of something and its next frame is not here;
   * - `idle`    nothing is due.
   */
  readonly state: 'flowing' | 'waiting' | 'idle';
}

/** From packets to slots; what the downlink drives. */
export interface Playout {
  insert(packet: QueuedPacket): Inserted | 'flushed';
  render(nowMs: number): Rendered;
  /** True when the next `render` would be part of what the far end says. */
  ready(nowMs: number): boolean;
  readonly queuedMs: number;
  /** Extended RTP timestamp up to which everything was played, or thrown away by a flush. */
  readonly playedTimestamp: number;
}
