import { tcpFlow } from '../../device/src/connection/tcp-flow.ts';
import { ConnectError } from '../../device/src/connection/transport.ts';
import type { ConnectAttempt, ConnectHandlers, Transport } from '../../device/src/connection/transport.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { Path } from './flow.ts';
import { Wire } from './wire.ts';
import type { Direction, Endpoint, WireWitness } from './wire.ts';

/** The server's machine, as the network sees it. */
export interface Host {
  /** What it does with a connection now. */
  admission(): Admission;
  accept(socket: Endpoint, peer: { readonly deviceId: string; readonly requestId: string }): void;
}

export type Admission =
  | { readonly type: 'accept' }
  /** Nobody listens: the kernel answers with a reset. */
  | { readonly type: 'refuse' }
  /** It takes the request and never answers. */
  | { readonly type: 'hang' }
  /** 503 and Retry-After. */
  | { readonly type: 'busy'; readonly retryAfterMs: number }
  /** 401: the key is not known. */
  | { readonly type: 'forbid' };

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly host: Host;
  readonly deviceId: string;
  readonly path: Path;
  readonly kernelBytes: number;
  readonly witness: NetworkWitness;
}

export interface NetworkWitness extends WireWitness {
  attempted?(attempt: Attempt): void;
  /** Just before the phone is told. */
  failed?(attempt: Attempt, fault: 'unreachable' | 'busy' | 'refused', retryAfterMs: number | undefined): void;
}

/** The network between one phone and the server: Wi-Fi, router and the rest, as one path each way. */
export class SimulatedNetwork implements Transport {
  readonly #options: NetworkOptions;
  /** Changes take effect for what is sent from then on. */
  readonly path: Path;
  readonly #wires: Wire[] = [];
  #wireCount = 0;
  #blockedUp = 0;
  #blockedDown = 0;
  #slowRequestsMs = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.path = options.path;
  }

  /** Connections that at least one end still holds. */
  get wires(): readonly Wire[] {
    for (let at = this.#wires.length - 1; at >= 0; at--) {
      const wire = this.#wires[at]!;
      if (!wire.device.open && !wire.server.held) this.#wires.splice(at, 1);
    }
    return this.#wires;
  }

  /** The phone's newest connection. */
  get newest(): Wire | undefined {
    return this.wires.at(-1);
  }

  /** A new connection would get through. */
  get calm(): boolean {
    return this.#blockedUp === 0 && this.#blockedDown === 0 && this.#slowRequestsMs === 0;
  }

  connect(handlers: ConnectHandlers): ConnectAttempt {
    const { clock, random, kernelBytes, witness } = this.#options;
    const wire = new Wire(this.#wireCount++, { clock, random, up: this.path, down: this.path, kernelBytes, witness });
    this.#wires.push(wire);
    for (let count = 0; count < this.#blockedUp; count++) wire.block('up');
    for (let count = 0; count < this.#blockedDown; count++) wire.block('down');
    const attempt = new Attempt(wire, handlers, this.#options, this.#slowRequestsMs);
    witness.attempted?.(attempt);
    attempt.begin();
    return attempt;
  }

  /** Nothing gets through, on connections old and new; nobody is told. */
  block(direction: Direction): void {
    const wires = this.wires;
    if (direction !== 'down') this.#blockedUp++;
    if (direction !== 'up') this.#blockedDown++;
    for (const wire of wires) wire.block(direction);
  }

  unblock(direction: Direction): void {
    const wires = this.wires;
    if (direction !== 'down') this.#blockedUp--;
    if (direction !== 'up') this.#blockedDown--;
    for (const wire of wires) wire.unblock(direction);
  }

  /** From now on an upgrade request is held up this long on its way, so that an old attempt arrives after a newer one. */
  slowRequests(ms: number): void {
    this.#slowRequestsMs = ms;
  }
}

/** One connect: TCP, TLS and the upgrade, a message each way for each. */
export class Attempt implements ConnectAttempt {
  readonly wire: Wire;
  readonly startedMs: number;
  readonly #handlers: ConnectHandlers;
  readonly #options: NetworkOptions;
  readonly #slowMs: number;
  #answered = false;
  outcome: 'pending' | 'opened' | 'failed' | 'cancelled' = 'pending';

  constructor(wire: Wire, handlers: ConnectHandlers, options: NetworkOptions, slowMs: number) {
    this.wire = wire;
    this.startedMs = wire.clock.now();
    this.#handlers = handlers;
    this.#options = options;
    this.#slowMs = slowMs;
  }

  begin(): void {
    this.#up(SYN_BYTES, () => {
      if (this.#options.host.admission().type === 'refuse')
        return this.#down(SYN_BYTES, () => this.#fail('unreachable'));
      this.#down(SYN_BYTES, () => this.#up(TLS_BYTES, () => this.#down(TLS_REPLY_BYTES, () => this.#request())));
    });
  }

  get answered(): boolean {
    return this.#answered;
  }

  cancel(): void {
    if (this.outcome !== 'pending') return;
    this.outcome = 'cancelled';
    // What was sent is on its way all the same: the server may well see the request, and then the end of the stream.
    this.wire.device.desert();
  }

  #request(): void {
    if (this.#slowMs > 0) {
      this.wire.up.block();
      this.wire.clock.after(this.#slowMs, () => this.wire.up.unblock());
    }
    this.#up(REQUEST_BYTES, () => this.#answer());
  }

  #answer(): void {
    const { host, deviceId } = this.#options;
    const admission = host.admission();
    switch (admission.type) {
      case 'refuse':
        return this.#down(SYN_BYTES, () => this.#fail('unreachable'));
      case 'hang':
        return undefined;
      case 'busy':
        return this.#down(REQUEST_BYTES, () => this.#fail('busy', admission.retryAfterMs));
      case 'forbid':
        return this.#down(REQUEST_BYTES, () => this.#fail('refused'));
      case 'accept': {
        this.wire.down.send(REQUEST_BYTES, () => this.#opened());
        return host.accept(this.wire.server, { deviceId, requestId: `request-${this.wire.id}` });
      }
    }
  }

  #opened(): void {
    if (this.outcome !== 'pending') return;
    this.outcome = 'opened';
    this.#handlers.opened({ socket: this.wire.device, framing: 'rtp', flow: tcpFlow });
  }

  #fail(fault: 'unreachable' | 'busy' | 'refused', retryAfterMs?: number): void {
    if (this.outcome !== 'pending') return;
    this.outcome = 'failed';
    this.#close();
    this.#options.witness.failed?.(this, fault, retryAfterMs);
    // A careless library quotes the request's headers in its errors; that must not reach a log.
    this.#handlers.failed(
      new ConnectError(fault, fault, {
        retryAfterMs,
        cause: new Error(`request with Authorization: Bearer ${API_KEY}`),
      }),
    );
  }

  /** What was sent arrives even if the phone has given up since. */
  #up(bytes: number, then: () => void): void {
    this.wire.up.send(bytes, then);
  }

  #down(bytes: number, then: () => void): void {
    this.wire.down.send(bytes, () => {
      this.#answered = true;
      if (this.outcome === 'pending') then();
    });
  }

  #close(): void {
    this.wire.device.vanish();
    this.wire.server.vanish();
  }
}

/** Must never be seen in a log. */
export const API_KEY = 'K3Y-of-this-phone';
const SYN_BYTES = 60;
const TLS_BYTES = 500;
const TLS_REPLY_BYTES = 3_000;
const REQUEST_BYTES = 700;
