import {
  ACK_INTERVAL_MS,
  DEAD_AFTER_MS,
  DEFAULT_MAX_QUEUE_MS,
  HANDSHAKE_TIMEOUT_MS,
  PING_INTERVAL_MS,
  RESUME_WINDOW_MS,
} from '../../../protocol/src/index.ts';

/** What a server grants; the protocol's numbers unless a test or an operator says otherwise. */
export interface ServerLimits {
  readonly handshakeMs: number;
  readonly pingMs: number;
  readonly deadAfterMs: number;
  readonly ackMs: number;
  readonly resumeWindowMs: number;
  /** Most audio sent ahead of playout; a device may ask for less. */
  readonly maxQueueMs: number;
  /** Most audio of one conversation in memory: made, and not yet acknowledged by the device. */
  readonly maxHeldMs: number;
  /** Nobody spoke for this long: the conversation ends as `idle`. */
  readonly idleMs: number;
  readonly maxConnections: number;
  /**
   * Over 1, because a phone whose old socket is half-open comes back on a new one. One more than these closes the one that
   * has been silent longest.
   */
  readonly maxConnectionsPerDevice: number;
  /** Sockets of one device; several are opened for one call when the network is bad. */
  readonly connectionsPerMinute: number;
  /** Conversations that one device may begin; those that are resumed do not count. */
  readonly callsPerMinute: number;
  /** Of conversation of one device; when they are used up no other begins until some have come back. */
  readonly minutesPerDay: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  handshakeMs: HANDSHAKE_TIMEOUT_MS,
  pingMs: PING_INTERVAL_MS,
  deadAfterMs: DEAD_AFTER_MS,
  ackMs: ACK_INTERVAL_MS,
  resumeWindowMs: RESUME_WINDOW_MS,
  maxQueueMs: DEFAULT_MAX_QUEUE_MS,
  maxHeldMs: 60_000,
  idleMs: 30 * 60_000,
  maxConnections: 1_000,
  maxConnectionsPerDevice: 4,
  connectionsPerMinute: 240,
  callsPerMinute: 60,
  minutesPerDay: 16 * 60,
};
