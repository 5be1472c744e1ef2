import { FaultBudget } from '../../../common/src/link/fault-budget.ts';
import { Liveness } from '../../../common/src/link/liveness.ts';
import {
  checkRawFrame,
  CloseCode,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  parsePacket,
  parseServerMessage,
  PAYLOAD_TYPE_OF,
  PING_INTERVAL_MS,
  ProtocolError,
  swapL16,
} from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { AudioPacket, CodecName, DeviceMessage, ServerMessage } from '../../../protocol/src/index.ts';
import type { Framing } from '../connection/transport.ts';

/** One open socket, from `opened` to `closed`: parses, refuses and counts what is wrong, watches that it lives. */
export class Link {
  readonly socket: MessageSocket;
  readonly framing: Framing;
  readonly #options: LinkOptions;
  #liveness: Liveness;
  readonly #faults: FaultBudget;
  #unknownTypes = 0;
  #retryAfterMs: number | undefined;
  #over = false;

  constructor(socket: MessageSocket, framing: Framing, options: LinkOptions) {
    this.socket = socket;
    this.framing = framing;
    this.#options = options;
    this.#faults = new FaultBudget(options.clock);
    this.#liveness = this.#watch(framing === 'raw' ? RAW_PING_INTERVAL_MS : PING_INTERVAL_MS);
    socket.listen({
      text: (data) => this.#guard(() => this.#text(data)),
      binary: (data) => this.#guard(() => this.#binary(data)),
      activity: () => this.#liveness.life(),
      closed: (code) => this.#closed(code),
    });
  }

  /** Messages of types this version does not know: ignored, as the protocol asks. */
  get unknownTypes(): number {
    return this.#unknownTypes;
  }

  send(message: DeviceMessage): void {
    if (this.framing === 'rtp') this.socket.send(encodeMessage(message));
  }

  /** How long nothing has come. */
  get silentMs(): number {
    return this.#liveness.silentMs;
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.socket.ping();
  }

  /** The server said how often it wants to be pinged. */
  setPingInterval(pingMs: number): void {
    this.#liveness.stop();
    this.#liveness = this.#watch(pingMs);
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  /** Cut, without waiting for the other side; no handler is called any more. */
  drop(): void {
    this.#finish();
    this.socket.terminate();
  }

  #watch(pingMs: number): Liveness {
    return new Liveness(this.#options.clock, this.socket, pingMs, () => {
      if (!this.#over) this.#options.dead();
    });
  }

  #text(data: string): void {
    const message = parseServerMessage(data);
    if (message === undefined) {
      this.#unknownTypes++;
      return;
    }
    if (message.type === 'error' && message.retryAfterMs !== undefined) this.#retryAfterMs = message.retryAfterMs;
    this.#options.message(message);
  }

  #binary(data: Uint8Array): void {
    if (data.length > MAX_MESSAGE_BYTES)
      throw new ProtocolError('oversized', `a binary message of ${data.length} bytes`);
    if (this.framing === 'raw') return this.#options.rawFrame(this.#rawPayload(data));
    const packet = parsePacket(data);
    const want = PAYLOAD_TYPE_OF[this.#options.codec()];
    if (packet.payloadType !== want) {
      throw new ProtocolError(
        'bad-payload-type',
        `payload type ${packet.payloadType} in a conversation that agreed on ${want}`,
      );
    }
    this.#options.packet(packet);
  }

  /** As the decoder wants it: L16 in network byte order. */
  #rawPayload(data: Uint8Array): Uint8Array {
    const codec = this.#options.codec();
    const frame = checkRawFrame(codec, data);
    return codec === 'pcm' ? swapL16(frame) : frame;
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
      if (fatal) this.socket.close(CloseCode.protocolError, error.fault);
    }
  }

  #closed(code: number): void {
    if (this.#over) return;
    this.#finish();
    this.#options.closed(code, this.#retryAfterMs);
  }

  #finish(): void {
    this.#over = true;
    this.#liveness.stop();
  }
}

/** Bare frames bring no acks every second: pings alone must show life well inside the 6 s. */
const RAW_PING_INTERVAL_MS = 2_000;

export interface LinkOptions {
  readonly clock: Clock;
  /** The codec agreed on; asked per frame, since `ready` settles it. */
  readonly codec: () => CodecName;
  readonly message: (message: ServerMessage) => void;
  readonly packet: (packet: AudioPacket) => void;
  readonly rawFrame: (payload: Uint8Array) => void;
  readonly fault: (error: ProtocolError, fatal: boolean) => void;
  /** No bytes for 6 s. */
  readonly dead: () => void;
  /** Once. `retryAfterMs` when an `error` before it named one. */
  readonly closed: (code: number, retryAfterMs: number | undefined) => void;
}
