import type { Random } from '../../common/src/time/random.ts';
import type { Timer } from '../../common/src/time/clock.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';

/** What a way through the network is like at the moment. Shared by every connection over it. */
export interface Path {
  latencyMs: number;
  /** Each message takes up to this much longer; TCP keeps the order all the same. */
  jitterMs: number;
  bytesPerSecond: number;
}

/** One thing in flight: a message, a WebSocket control frame, or a step of TCP itself. */
interface Item {
  readonly bytes: number;
  readonly deliver: () => void;
  arrivesMs: number;
}

/**
 * One direction of one TCP connection: bytes in order, as fast as the path takes them. While it is blocked nothing
 * arrives and everything is kept (the kernel sends it again later); when it is severed, for ever.
 */
export class Flow {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #path: Path;
  #queue: Item[] = [];
  #timer: Timer | undefined;
  #lineFreeMs = 0;
  #lastArrivalMs = 0;
  #blocks = 0;
  #blockedSinceMs = 0;
  /** Times the other way is blocked; TCP then gets no acknowledgement, and stops after a window of data. */
  #starved = 0;
  #creditBytes = 0;
  #severed = false;
  #queuedBytes = 0;
  #deliveredBytes = 0;

  constructor(clock: VirtualClock, random: Random, path: Path) {
    this.#clock = clock;
    this.#random = random;
    this.#path = path;
  }

  /** Sent and not yet arrived. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Arrived at the other side, parts of the message under way included. */
  get deliveredBytes(): number {
    const head = this.#queue[0];
    if (head === undefined || this.stuck) return this.#deliveredBytes;
    const sentBytes =
      head.bytes - ((head.arrivesMs - this.#path.latencyMs - this.#clock.now()) * this.#path.bytesPerSecond) / 1_000;
    return this.#deliveredBytes + Math.max(0, Math.min(head.bytes - 1, Math.floor(sentBytes)));
  }

  get stuck(): boolean {
    return this.#blocks > 0 || this.#severed || (this.#starved > 0 && this.#creditBytes <= 0);
  }

  send(bytes: number, deliver: () => void): void {
    const item: Item = { bytes, deliver, arrivesMs: Number.POSITIVE_INFINITY };
    this.#queue.push(item);
    this.#queuedBytes += bytes;
    if (this.stuck) return;
    this.#launch(item);
    if (this.#queue.length === 1) this.#arm();
  }

  /** The sender's kernel throws away what has not arrived (a reset). */
  discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#timer?.cancel();
  }

  /** Nothing arrives until as many `unblock` came. */
  block(): void {
    if (this.#blocks++ > 0) return;
    this.#blockedSinceMs = this.#clock.now();
    this.#timer?.cancel();
  }

  unblock(): void {
    if (--this.#blocks > 0) return;
    this.#restart(this.#clock.now() - this.#blockedSinceMs);
  }

  /** The other way is blocked: no acknowledgements, so only a window of data more gets through. */
  starve(): void {
    if (this.#starved++ === 0) this.#creditBytes = WINDOW_BYTES;
  }

  feed(): void {
    if (--this.#starved === 0 && this.#creditBytes <= 0) this.#restart(1_000);
  }

  /** The connection's packets vanish from now on, and neither end is told. */
  sever(): void {
    this.#severed = true;
    this.#timer?.cancel();
  }

  /** TCP tries again at growing intervals, so it notices a path that is back only some time after. */
  #restart(blockedMs: number): void {
    if (this.stuck) return;
    this.#lineFreeMs = this.#clock.now() + Math.min(MAX_RETRANSMIT_MS, this.#random() * blockedMs * 0.5);
    for (const item of this.#queue) this.#launch(item);
    this.#arm();
  }

  #launch(item: Item): void {
    const { latencyMs, jitterMs, bytesPerSecond } = this.#path;
    const startMs = Math.max(this.#clock.now(), this.#lineFreeMs);
    this.#lineFreeMs = startMs + (item.bytes * 1_000) / bytesPerSecond;
    item.arrivesMs = Math.max(this.#lastArrivalMs, this.#lineFreeMs + latencyMs + jitterMs * this.#random());
    this.#lastArrivalMs = item.arrivesMs;
  }

  #arm(): void {
    const head = this.#queue[0];
    if (head === undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(head.arrivesMs - this.#clock.now(), () => this.#arrive());
  }

  #arrive(): void {
    const now = this.#clock.now() + 1e-6;
    for (let head = this.#queue[0]; head !== undefined && head.arrivesMs <= now && !this.stuck; head = this.#queue[0]) {
      this.#queue.shift();
      this.#queuedBytes -= head.bytes;
      this.#deliveredBytes += head.bytes;
      this.#creditBytes -= head.bytes;
      head.deliver();
    }
    if (!this.stuck) this.#arm();
  }
}

const WINDOW_BYTES = 64 * 1024;
/** Linux doubles the interval from 0.2 s; a path that was gone for ten seconds is found again within five. */
const MAX_RETRANSMIT_MS = 5_000;
