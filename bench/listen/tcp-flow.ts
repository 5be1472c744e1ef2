import type { Timer } from '../../common/src/time/clock.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { PacketPath } from './packet-path.ts';

interface Segment {
  readonly to: number;
  readonly bytes: number;
  sentMs: number;
  attempts: number;
  received: boolean;
  acknowledged: boolean;
  lost: boolean;
}

interface Message {
  readonly end: number;
  readonly deliver: () => void;
}

/**
 * One direction of a TCP connection as Linux runs it, small: segments of what waits, selective acknowledgements,
 * losses found by what was sent later and arrived (RFC 8985), a tail probe, a timeout that doubles, a congestion
 * window. Nothing is lost and nothing overtakes; what is lost on the path makes everything behind it wait.
 */
export class TcpFlow {
  readonly #clock: VirtualClock;
  readonly #out: PacketPath;
  readonly #back: PacketPath;
  readonly #messages: Message[] = [];
  /** Sent and not known to have arrived, in order. */
  #segments: Segment[] = [];
  /** The receiver's: sent and not handed on, in order. */
  #undelivered: Segment[] = [];
  #written = 0;
  #sent = 0;
  #window = FIRST_WINDOW;
  #threshold = Infinity;
  #recoverTo = 0;
  #roundTripMs: number;
  #deviationMs: number;
  #newestArrivedSentMs = -1;
  #probed = false;
  #backoff = 1;
  #timer: Timer | undefined;
  #reorderTimer: Timer | undefined;
  #write: Timer | undefined;

  constructor(clock: VirtualClock, out: PacketPath, back: PacketPath, roundTripMs: number) {
    this.#clock = clock;
    this.#out = out;
    this.#back = back;
    this.#roundTripMs = Math.max(1, roundTripMs);
    this.#deviationMs = this.#roundTripMs / 4;
  }

  /** What a socket of `ws` calls its buffered amount: what the kernel has not taken. Bytes */
  get bufferedBytes(): number {
    const unacknowledged = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    return Math.max(0, this.#written - this.#sent + unacknowledged - KERNEL_BYTES);
  }

  /** What is sent at one and the same time goes out in one write, as both programs do it. */
  send(bytes: number, deliver: () => void): void {
    this.#written += bytes + MESSAGE_BYTES + (this.#write === undefined ? RECORD_BYTES : 0);
    this.#messages.push({ end: this.#written, deliver });
    this.#write ??= this.#clock.after(0, () => {
      this.#write = undefined;
      this.#pump();
    });
  }

  #pump(): void {
    let free =
      Math.floor(this.#window) - this.#segments.filter(({ acknowledged, lost }) => !acknowledged && !lost).length;
    for (const segment of this.#segments) if (segment.lost && free-- > 0) this.#transmit(segment);
    while (free-- > 0 && this.#sent < this.#written) {
      const bytes = Math.min(SEGMENT_BYTES, this.#written - this.#sent);
      this.#sent += bytes;
      const segment: Segment = {
        to: this.#sent,
        bytes,
        sentMs: 0,
        attempts: 0,
        received: false,
        acknowledged: false,
        lost: false,
      };
      this.#segments.push(segment);
      this.#undelivered.push(segment);
      this.#transmit(segment);
    }
  }

  #transmit(segment: Segment): void {
    const now = this.#clock.now();
    segment.sentMs = now;
    segment.attempts++;
    segment.lost = false;
    const arrivesMs = this.#out.arrival(now, segment.bytes + HEADER_BYTES);
    if (arrivesMs !== undefined) this.#clock.after(arrivesMs - now, () => this.#arrived(segment));
    this.#arm();
  }

  #arrived(segment: Segment): void {
    segment.received = true;
    while (this.#undelivered[0]?.received === true) {
      const { to } = this.#undelivered.shift()!;
      while (this.#messages[0] !== undefined && this.#messages[0].end <= to) this.#messages.shift()!.deliver();
    }
    const received = this.#segments.filter((each) => each.received);
    const now = this.#clock.now();
    const arrivesMs = this.#back.arrival(now, HEADER_BYTES);
    if (arrivesMs !== undefined) this.#clock.after(arrivesMs - now, () => this.#acknowledged(received));
  }

  #acknowledged(received: readonly Segment[]): void {
    const fresh = received.filter(({ acknowledged }) => !acknowledged);
    if (fresh.length === 0) return;
    for (const segment of fresh) {
      segment.acknowledged = true;
      segment.lost = false;
      this.#newestArrivedSentMs = Math.max(this.#newestArrivedSentMs, segment.sentMs);
      if (segment.attempts === 1) this.#sample(this.#clock.now() - segment.sentMs);
    }
    this.#window += this.#window < this.#threshold ? fresh.length : fresh.length / this.#window;
    this.#segments = this.#segments.filter(({ acknowledged }) => !acknowledged);
    this.#probed = false;
    this.#backoff = 1;
    this.#findLosses();
    this.#pump();
    this.#arm();
  }

  /** RFC 6298 §2.3. */
  #sample(ms: number): void {
    this.#deviationMs += (Math.abs(ms - this.#roundTripMs) - this.#deviationMs) / 4;
    this.#roundTripMs += (ms - this.#roundTripMs) / 8;
  }

  /** What was sent before something that arrived, and has had time to arrive itself, is lost. */
  #findLosses(): void {
    const now = this.#clock.now();
    const suspects = this.#segments.filter(({ lost, sentMs }) => !lost && sentMs < this.#newestArrivedSentMs);
    const dueMs = (segment: Segment): number => segment.sentMs + this.#roundTripMs * REORDER_SHARE;
    for (const segment of suspects) if (dueMs(segment) <= now) this.#lose(segment);
    const nextMs = Math.min(...suspects.filter(({ lost }) => !lost).map(dueMs));
    this.#reorderTimer?.cancel();
    if (nextMs < Infinity)
      this.#reorderTimer = this.#clock.after(nextMs - now, () => {
        this.#findLosses();
        this.#pump();
      });
  }

  /** One cut of the window a round trip, as CUBIC cuts it. */
  #lose(segment: Segment): void {
    segment.lost = true;
    if (segment.to <= this.#recoverTo) return;
    this.#recoverTo = this.#sent;
    this.#window = this.#threshold = Math.max(2, this.#window * 0.7);
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#segments.length === 0) return;
    const timeoutMs = (this.#roundTripMs + Math.max(MIN_TIMEOUT_MS, 4 * this.#deviationMs)) * this.#backoff;
    this.#timer = this.#clock.after(this.#probed ? timeoutMs : Math.min(timeoutMs, 2 * this.#roundTripMs), () =>
      this.#timedOut(),
    );
  }

  #timedOut(): void {
    if (!this.#probed) {
      this.#probed = true;
      return this.#transmit(this.#segments.at(-1)!);
    }
    this.#backoff = Math.min(64, 2 * this.#backoff);
    for (const segment of this.#segments) segment.lost = true;
    this.#threshold = Math.max(2, this.#window * 0.7);
    this.#window = 1;
    this.#pump();
  }
}

const SEGMENT_BYTES = 1_448;
/** IP, TCP and its options. */
const HEADER_BYTES = 52;
/** WebSocket, around each message, and TLS 1.3, around each write. */
const MESSAGE_BYTES = 6;
const RECORD_BYTES = 22;
const KERNEL_BYTES = 87_380;
const FIRST_WINDOW = 10;
/** A quarter of a round trip for packets that were only overtaken. */
const REORDER_SHARE = 1.25;
const MIN_TIMEOUT_MS = 200;
