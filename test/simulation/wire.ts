import type { MessageSocket, MessageSocketHandlers } from '../../common/src/link/message-socket.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { Timer } from '../../common/src/time/clock.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { Flow } from './flow.ts';
import type { Path } from './flow.ts';

export type Side = 'device' | 'server';
export type Direction = 'up' | 'down' | 'both';

/** What a witness sees of a connection: every message when it is handed over, and when it arrives. */
export interface WireWitness {
  sent?(wire: Wire, from: Side, data: string | Uint8Array): void;
  arrived?(wire: Wire, at: Side, data: string | Uint8Array): void;
  /** One end's handlers are about to be told of the end. */
  closed?(wire: Wire, at: Side, code: number): void;
}

export interface WireOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly up: Path;
  readonly down: Path;
  /** What the kernel takes before `bufferedBytes` shows anything. */
  readonly kernelBytes: number;
  readonly witness: WireWitness;
}

/** One TCP connection with a WebSocket on it, both ends. */
export class Wire {
  readonly id: number;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly up: Flow;
  readonly down: Flow;
  readonly device: Endpoint;
  readonly server: Endpoint;

  constructor(id: number, options: WireOptions) {
    const { clock, random, kernelBytes, witness } = options;
    this.id = id;
    this.clock = clock;
    this.random = random;
    this.up = new Flow(clock, random, options.up);
    this.down = new Flow(clock, random, options.down);
    this.device = new Endpoint('device', this, this.up, this.down, kernelBytes, witness);
    this.server = new Endpoint('server', this, this.down, this.up, kernelBytes, witness);
  }

  peerOf(side: Side): Endpoint {
    return side === 'device' ? this.server : this.device;
  }

  /** Nothing gets through for a while; without acknowledgements the other way stops too, after a window of data. */
  block(direction: Direction): void {
    if (direction !== 'down') {
      this.up.block();
      this.down.starve();
    }
    if (direction !== 'up') {
      this.down.block();
      this.up.starve();
    }
  }

  unblock(direction: Direction): void {
    if (direction !== 'down') {
      this.up.unblock();
      this.down.feed();
    }
    if (direction !== 'up') {
      this.down.unblock();
      this.up.feed();
    }
  }

  /** Packets of this connection vanish from now on (a router forgot it); neither end is told. */
  sever(direction: Direction): void {
    if (direction !== 'down') {
      this.up.sever();
      this.down.starve();
    }
    if (direction !== 'up') {
      this.down.sever();
      this.up.starve();
    }
  }

  /** A reset from the middle of the network reaches one end or both. */
  reset(who: Side | 'both'): void {
    this.up.sever();
    this.down.sever();
    if (who !== 'server') this.device.broken();
    if (who !== 'device') this.server.broken();
  }
}

type EndpointState = 'open' | 'closing' | 'closed';

/** One end's socket, with the manners of `ws`. */
export class Endpoint implements MessageSocket {
  readonly side: Side;
  readonly wire: Wire;
  readonly #out: Flow;
  readonly #in: Flow;
  readonly #kernelBytes: number;
  readonly #witness: WireWitness;
  #handlers: MessageSocketHandlers | undefined;
  #state: EndpointState = 'open';
  #closeTimer: Timer | undefined;
  /** Its machine lost power or its process was killed: nobody is there to be told. */
  #deserted = false;

  constructor(side: Side, wire: Wire, out: Flow, incoming: Flow, kernelBytes: number, witness: WireWitness) {
    this.side = side;
    this.wire = wire;
    this.#out = out;
    this.#in = incoming;
    this.#kernelBytes = kernelBytes;
    this.#witness = witness;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#out.queuedBytes - this.#kernelBytes);
  }

  get bytesReceived(): number {
    return this.#in.deliveredBytes;
  }

  /** False once the socket is gone for its owner. */
  get open(): boolean {
    return this.#state !== 'closed';
  }

  /** Somebody was handed it and it is not closed. */
  get held(): boolean {
    return this.#state !== 'closed' && this.#handlers !== undefined;
  }

  /** Its owner expects bytes from it. */
  get inUse(): boolean {
    return this.#state === 'open' && this.#handlers !== undefined;
  }

  listen(handlers: MessageSocketHandlers): void {
    this.#handlers = handlers;
  }

  send(data: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#witness.sent?.(this.wire, this.side, data);
    this.#out.send(bytesOnWire(data), () => this.#peer.receive(data));
  }

  ping(): void {
    if (this.#state !== 'open') return;
    this.#out.send(CONTROL_BYTES, () => this.#peer.pinged());
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#out.send(CONTROL_BYTES, () => this.#peer.closeCame(code, reason));
    this.#closeTimer = this.wire.clock.after(WS_CLOSE_TIMEOUT_MS, () => this.terminate());
  }

  terminate(): void {
    if (this.#state === 'closed') return;
    this.#hangUp();
    this.wire.clock.after(0, () => this.#tell(ABNORMAL, ''));
  }

  /** The process was killed: its kernel closes the socket, nobody is told here. */
  desert(): void {
    if (this.#state === 'closed') return;
    this.#deserted = true;
    this.#hangUp();
  }

  /** The power went: no packet comes from here any more. */
  vanish(): void {
    this.#deserted = true;
    this.#over();
    this.wire.up.sever();
    this.wire.down.sever();
  }

  receive(data: string | Uint8Array): void {
    if (this.#state === 'closed') return this.#refusePacket();
    this.#witness.arrived?.(this.wire, this.side, data);
    if (typeof data === 'string') this.#handlers?.text(data);
    else this.#handlers?.binary(data);
  }

  pinged(): void {
    if (this.#state === 'closed') return this.#refusePacket();
    this.#handlers?.activity();
    this.#out.send(CONTROL_BYTES, () => this.#peer.ponged());
  }

  ponged(): void {
    if (this.#state !== 'closed') this.#handlers?.activity();
  }

  closeCame(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    const answers = this.#state === 'open';
    this.#over();
    if (answers) this.#out.send(CONTROL_BYTES, () => this.#peer.closeCame(code, reason));
    this.#tell(code, reason);
  }

  /** A reset, or the end of the stream without a close frame. */
  broken(): void {
    if (this.#state === 'closed') return;
    this.#over();
    this.#tell(ABNORMAL, '');
  }

  get #peer(): Endpoint {
    return this.wire.peerOf(this.side);
  }

  #over(): void {
    this.#state = 'closed';
    this.#closeTimer?.cancel();
  }

  /** What was sent may be lost with a reset, or still arrive before the end of the stream. */
  #hangUp(): void {
    this.#over();
    if (this.wire.random() < 0.5) this.#out.discard();
    this.#out.send(CONTROL_BYTES, () => this.#peer.broken());
  }

  /** A packet for a socket that is gone is answered by a reset. */
  #refusePacket(): void {
    this.#out.send(CONTROL_BYTES, () => this.#peer.broken());
  }

  #tell(code: number, reason: string): void {
    if (this.#deserted) return;
    this.#witness.closed?.(this.wire, this.side, code);
    this.#handlers?.closed(code, reason);
  }
}

/** A stamp stands for an Opus packet of 80 bytes; WebSocket, TLS and TCP add about 60. */
function bytesOnWire(data: string | Uint8Array): number {
  return typeof data === 'string' ? data.length + OVERHEAD_BYTES : data.length + OPUS_BYTES + OVERHEAD_BYTES;
}

const OPUS_BYTES = 70;
const OVERHEAD_BYTES = 60;
const CONTROL_BYTES = 70;
const ABNORMAL = 1006;
/** `ws` waits this long for the answer to its close frame. */
const WS_CLOSE_TIMEOUT_MS = 30_000;
