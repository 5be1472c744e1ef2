import type { Log } from '../../../common/src/system/log.ts';
import { FaultBudget } from '../../../common/src/link/fault-budget.ts';
import { Liveness } from '../../../common/src/link/liveness.ts';
import {
  CloseCode,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  codecOfRawFrame,
  openFraming,
  parseDeviceMessage,
  ProtocolError,
} from '../../../protocol/src/index.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../../common/src/link/message-socket.ts';
import type { Timer } from '../../../common/src/time/clock.ts';
import type {
  AudioPacket,
  CodecName,
  DeviceMessage,
  Framing,
  Hello,
  ServerMessage,
} from '../../../protocol/src/index.ts';
import type { DownlinkLink } from '../media/downlink.ts';
import type { Environment, Peer } from './environment.ts';
import { RateLimit } from '../system/rate-limit.ts';
import { count } from '../system/stats.ts';

/**
 * One socket, from accept to close: the handshake, then messages checked and handed to its conversation. It knows
 * the rules of the wire and nothing of talk.
 */
export class Connection implements DownlinkLink, MessageSocketHandlers {
  readonly peer: Peer;
  readonly log: Log;
  readonly framing: Framing;
  readonly #environment: Environment;
  readonly #socket: MessageSocket;
  readonly #lobby: Lobby;
  readonly #liveness: Liveness;
  readonly #handshake: Timer;
  readonly #frames: RateLimit;
  readonly #messages: RateLimit;
  #phase: Phase = 'greeting';
  #guest: Guest | undefined;
  readonly #faults: FaultBudget;

  constructor(environment: Environment, socket: MessageSocket, peer: Peer, lobby: Lobby) {
    const { clock, limits } = environment;
    this.peer = peer;
    this.framing = openFraming(peer.framing);
    this.log = environment.log.child({ requestId: peer.requestId, deviceId: peer.deviceId });
    this.#environment = environment;
    this.#socket = socket;
    this.#lobby = lobby;
    this.#faults = new FaultBudget(clock);
    this.#frames = new RateLimit(clock, FRAMES_AT_ONCE, FRAMES_PER_SECOND);
    this.#messages = new RateLimit(clock, MESSAGES_AT_ONCE, MESSAGES_PER_SECOND);
    this.#liveness = new Liveness(clock, socket, limits.pingMs, () => this.#dead(), limits.deadAfterMs);
    this.#handshake = clock.after(limits.handshakeMs, () => this.#handshakeExpired());
    socket.listen(this);
  }

  // What the conversation asks of its connection.

  /** The handshake is done: everything that comes goes to `guest`. */
  admit(guest: Guest): void {
    this.#handshake.cancel();
    this.#phase = 'open';
    this.#guest = guest;
  }

  message(message: ServerMessage): void {
    if (this.framing.control) this.#socket.send(encodeMessage(message));
  }

  frame(packet: AudioPacket): void {
    this.#socket.send(this.framing.write(packet));
  }

  /** Says good-bye; nothing more is heard from this socket. */
  close(code: number, reason: string): void {
    this.#leave();
    this.#socket.close(code, reason);
  }

  /** Says why, then closes; the conversation, if it has one already, waits for its phone. */
  refuse(code: string, message: string, closeCode: number, retryable: boolean, retryAfterMs?: number): void {
    if (this.#phase === 'closed') return;
    const guest = this.#guest;
    this.message({ type: 'error', code, message, retryable, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    this.close(closeCode, code);
    guest?.lost(this, closeCode);
  }

  /** The server goes, the conversation stays: the phone comes back and resumes it. */
  sendAway(code: number, reason: string): void {
    const guest = this.#guest;
    this.close(code, reason);
    guest?.lost(this, code);
  }

  /** A newer socket of the same device needs its place: as if it were found dead. */
  supersede(): void {
    this.#environment.stats.connectionsSuperseded++;
    this.log.info('connection.superseded', { silentMs: Math.round(this.silentMs) });
    this.#cut();
  }

  /** How long nothing has come from it; for ever when good-bye was said. */
  get silentMs(): number {
    return this.#phase === 'closed' ? Infinity : this.#liveness.silentMs;
  }

  /** Greeted, and not yet answered. */
  get waiting(): boolean {
    return this.#phase === 'opening';
  }

  // What the socket says.

  text(data: string): void {
    this.#guarded(() => {
      if (!this.#messages.take()) return this.#tooMany();
      if (!this.framing.control) return this.#ignored();
      const message = parseDeviceMessage(data);
      if (message === undefined) return this.#ignored();
      if (message.type === 'hello') return this.#hello(message);
      if (this.#guest === undefined)
        throw new ProtocolError('unexpected-message', `${message.type} before the handshake was done`);
      this.#guest.message(message);
    });
  }

  binary(data: Uint8Array): void {
    this.#guarded(() => {
      if (data.length > MAX_MESSAGE_BYTES)
        throw new ProtocolError(
          'oversized',
          `a binary message of ${data.length} bytes; the limit is ${MAX_MESSAGE_BYTES}`,
        );
      if (!this.#frames.take()) return this.#tooMany();
      if (!this.framing.control && this.#phase === 'greeting') {
        this.#phase = 'opening';
        this.#lobby.rawBegin(this, codecOfRawFrame(data));
      }
      if (this.#isClosed) return;
      // The codecs of a raw conversation are being made; it has no handshake to wait for.
      if (this.#guest === undefined && !this.framing.control) return;
      if (this.#guest === undefined)
        throw new ProtocolError('binary-before-ready', 'audio before the handshake was done');
      this.#guest.packet(this.framing.parse(data, this.#guest.codec));
    });
  }

  activity(): void {
    this.#liveness.life();
  }

  closed(code: number, _reason: string): void {
    this.#environment.stats.connections--;
    count(this.#environment.stats.closes, KNOWN_CODES.has(code) ? code : 0);
    this.log.info('connection.closed', { code });
    const guest = this.#guest;
    this.#leave();
    this.#lobby.left(this);
    guest?.lost(this, code);
  }

  /** A rule was broken in a way only the conversation can see. */
  fault(error: ProtocolError): void {
    count(this.#environment.stats.faults, error.fault);
    this.log.debug('protocol.fault', { fault: error.fault });
    const fatal = this.#faults.spend() || error.dangerous;
    this.message({ type: 'error', code: error.fault, message: error.message, retryable: !fatal });
    if (!fatal) return;
    this.log.warn('connection.refused', { fault: error.fault });
    const guest = this.#guest;
    guest?.broken(this);
    if (this.#phase !== 'closed') this.close(error.closeCode, error.fault);
  }

  #hello(hello: Hello): void {
    if (this.#phase !== 'greeting') throw new ProtocolError('unexpected-message', 'a second hello on one connection');
    this.#phase = 'opening';
    this.#lobby.hello(this, hello);
  }

  get #isClosed(): boolean {
    return this.#phase === 'closed';
  }

  #ignored(): void {
    this.#environment.stats.unknownMessages++;
  }

  /** Nothing a peer sends may throw into the socket's events. */
  #guarded(handle: () => void): void {
    if (this.#phase === 'closed') return;
    this.#liveness.life();
    try {
      handle();
    } catch (error) {
      if (error instanceof ProtocolError) this.fault(error);
      else this.#failed(error);
    }
  }

  /** Our own mistake: this connection pays for it, the process does not. The phone comes back and resumes. */
  #failed(error: unknown): void {
    this.log.error('message.failed', { error: error instanceof Error ? (error.stack ?? error.name) : 'unknown' });
    this.sendAway(CloseCode.goingAway, 'internal error');
  }

  /** Live audio cannot make this many: decoding them would cost the other conversations. */
  #tooMany(): void {
    this.refuse('too-many', 'more messages a second than live audio can make', CloseCode.tooMany, true);
  }

  #handshakeExpired(): void {
    // It said hello in time; it is our store that does not answer.
    if (this.#phase === 'opening')
      return this.refuse(
        'busy',
        'the conversation could not be found in time; come back in a moment',
        CloseCode.tryAgainLater,
        true,
      );
    this.fault(
      new ProtocolError(
        'handshake-timeout',
        `no ${this.framing.control ? 'hello' : 'audio'} within ${this.#environment.limits.handshakeMs} ms`,
      ),
    );
  }

  #dead(): void {
    this.log.info('connection.dead', { afterMs: this.#environment.limits.deadAfterMs });
    this.#cut();
  }

  #cut(): void {
    const guest = this.#guest;
    this.#leave();
    this.#socket.terminate();
    guest?.lost(this, CloseCode.abnormal);
  }

  #leave(): void {
    this.#phase = 'closed';
    this.#guest = undefined;
    this.#handshake.cancel();
    this.#liveness.stop();
  }
}

type Phase = 'greeting' | 'opening' | 'open' | 'closed';

/** Where connections wait for their conversation. */
export interface Lobby {
  hello(connection: Connection, hello: Hello): void;
  /** A raw connection begins with its first frame, which tells the codec. */
  rawBegin(connection: Connection, codec: CodecName): void;
  left(connection: Connection): void;
}

/** The conversation, as its connection sees it. */
export interface Guest {
  readonly codec: CodecName;
  message(message: Exclude<DeviceMessage, Hello>): void;
  packet(packet: AudioPacket): void;
  /** The socket is gone. */
  lost(connection: Connection, code: number): void;
  /** The phone broke the rules; the connection is about to be closed with 4400. */
  broken(connection: Connection): void;
}

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CloseCode));

/** Twice as fast as live, and what a stalled network may deliver at once. */
const FRAMES_AT_ONCE = 3_000;
const FRAMES_PER_SECOND = 100;
const MESSAGES_AT_ONCE = 200;
const MESSAGES_PER_SECOND = 20;
