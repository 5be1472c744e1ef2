import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { FramingName } from '../../../protocol/src/index.ts';

/** The way to the server, as a port. A WebSocket today; the simulator's network in tests. */
export interface Transport {
  /**
   * Starts one attempt; exactly one of the two handlers is called, once, unless it is cancelled first.
   * @param limitMs when the caller will cancel it: an adapter that has several addresses divides the time among them
   */
  connect(handlers: ConnectHandlers, limitMs: number): ConnectAttempt;
}

export interface ConnectHandlers {
  opened(link: OpenLink): void;
  failed(error: ConnectError): void;
}

/** What a transport opened. */
export interface OpenLink {
  readonly socket: MessageSocket;
  /** RTP packets beside control messages, or bare frames alone. */
  readonly framing: FramingName;
  readonly flow: FlowControl;
}

/** What keeps a frame waiting on our side, where it can be shed, and not in the network. */
export interface FlowControl {
  /** @param underWay frames sent and not acknowledged; 0 on a link without acknowledgements */
  mayGo(socket: MessageSocket, underWay: number): boolean;
}

export interface ConnectAttempt {
  /** The server's machine has answered: giving the attempt up would begin its round trips again. */
  readonly answered: boolean;
  /** Gives the attempt up; no handler is called any more. */
  cancel(): void;
}

export type ConnectFault =
  | 'unreachable' // no route, refused, reset, DNS
  | 'timeout'
  | 'tls' // certificate or handshake; a wrong clock looks like this too
  | 'refused' // 401, 403: this key or device will not be let in
  | 'busy' // 429, 503: come back after `retryAfterMs`
  | 'bad-answer'; // something that is no such server answered

/** One attempt failed. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly fault: ConnectFault;
  readonly retryAfterMs: number | undefined;

  constructor(fault: ConnectFault, message: string, options?: ErrorOptions & { retryAfterMs?: number | undefined }) {
    super(message, options);
    this.fault = fault;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
