import { FaultBudget } from '../../../common/src/link/fault-budget.ts';
import { Liveness } from '../../../common/src/link/liveness.ts';
import {
  afterClose,
  CloseCode,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  openFraming,
  parseServerMessage,
  PING_INTERVAL_MS,
  ProtocolError,
} from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { AudioPacket, CodecName, DeviceMessage, Framing, ServerMessage } from '../../../protocol/src/index.ts';
import type { FlowControl, OpenLink } from '../connection/transport.ts';
import type { UplinkLink } from '../uplink.ts';

/** One open link, until it is closed: frames and messages out and in, refuses what is wrong, watches that it lives. */
export class Link implements UplinkLink {
  readonly framing: Framing;
  readonly #socket: MessageSocket;
  readonly #flow: FlowControl;
  readonly #options: LinkOptions;
  #liveness: Liveness;
  readonly #faults: FaultBudget;
  #retryAfterMs: number | undefined;
  #over = false;

  constructor({ socket, framing, flow }: OpenLink, options: LinkOptions) {
    this.framing = openFraming(framing);
    this.#socket = socket;
    this.#flow = flow;
    this.#options = options;
    this.#faults = new FaultBudget(options.clock);
    this.#liveness = this.#watch(this.framing.control ? PING_INTERVAL_MS : RAW_PING_INTERVAL_MS);
    socket.listen({
      text: (data) => this.#guard(() => this.#text(data)),
      binary: (data) => this.#guard(() => this.#binary(data)),
      activity: () => this.#liveness.life(),
      closed: (code) => this.#closed(code),
    });
  }

  send(message: DeviceMessage): void {
    if (this.framing.control) this.#socket.send(encodeMessage(message));
  }

  frame(packet: AudioPacket): void {
    this.#socket.send(this.framing.write(packet));
  }

  mayGo(underWay: number): boolean {
    return this.#flow.mayGo(this.#socket, underWay);
  }

  get acknowledges(): boolean {
    return this.framing.control;
  }

  /** How long nothing has come. */
  get silentMs(): number {
    return this.#liveness.silentMs;
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#socket.ping();
  }

  /** The server said how often it wants to be pinged. */
  setPingInterval(pingMs: number): void {
    this.#liveness.stop();
    this.#liveness = this.#watch(pingMs);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Cut, without waiting for the other side; no handler is called any more. */
  drop(): void {
    this.#finish();
    this.#socket.terminate();
  }

  #watch(pingMs: number): Liveness {
    return new Liveness(this.#options.clock, this.#socket, pingMs, () => {
      if (!this.#over) this.#options.dead();
    });
  }

  #text(data: string): void {
    const message = parseServerMessage(data);
    // A type that this version does not know: ignored, as the protocol asks.
    if (message === undefined) return this.#options.unknownMessage();
    if (message.type === 'error' && message.retryAfterMs !== undefined)
      this.#retryAfterMs = Math.min(message.retryAfterMs, LONGEST_RETRY_MS);
    this.#options.message(message);
  }

  #binary(data: Uint8Array): void {
    if (data.length > MAX_MESSAGE_BYTES)
      throw new ProtocolError('oversized', `a binary message of ${data.length} bytes`);
    this.#options.packet(this.framing.parse(data, this.#options.codec()));
  }

  /** Bad input is counted and dropped; where it is dangerous or goes on, the link is closed with 4400. */
  #guard(handle: () => void): void {
    if (this.#over) return;
    this.#liveness.life();
    try {
      handle();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const fatal = this.#faults.spend() || error.dangerous;
      this.#options.fault(error, fatal);
      if (fatal) this.#socket.close(CloseCode.protocolError, error.fault);
    }
  }

  #closed(code: number): void {
    if (this.#over) return;
    this.#finish();
    this.#options.closed(code, afterClose(code) === 'later' ? this.#retryAfterMs : undefined);
  }

  #finish(): void {
    this.#over = true;
    this.#liveness.stop();
  }
}

/** Bare frames bring no acks every second: pings alone must show life well inside the 6 s. */
const RAW_PING_INTERVAL_MS = 2_000;

/** As for HTTP's Retry-After: nobody with a receiver at the ear waits longer for an attempt. */
const LONGEST_RETRY_MS = 60_000;

export interface LinkOptions {
  readonly clock: Clock;
  /** The codec agreed on; asked per frame, since `ready` settles it. */
  readonly codec: () => CodecName;
  readonly message: (message: ServerMessage) => void;
  readonly packet: (packet: AudioPacket) => void;
  readonly unknownMessage: () => void;
  readonly fault: (error: ProtocolError, fatal: boolean) => void;
  /** No bytes for 6 s. */
  readonly dead: () => void;
  /** Once. `retryAfterMs` when an `error` before it named one. */
  readonly closed: (code: number, retryAfterMs: number | undefined) => void;
}
