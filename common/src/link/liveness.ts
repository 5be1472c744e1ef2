import type { Clock, Timer } from '../time/clock.ts';
import { DEAD_AFTER_MS } from '../../../protocol/src/limits.ts';
import type { MessageSocket } from './message-socket.ts';

/** How often the byte counter is read: how late bytes that never became a message may be noticed. */
const SAMPLE_MS = 1_000;

/**
 * Watches one socket: pings it every `pingMs`, and calls `dead` once when no bytes came for `deadAfterMs`
 * (up to one second later when the last of them were part of a message that never came whole).
 * A half-open TCP connection looks open for a quarter of an hour; this is what notices.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #socket: MessageSocket;
  readonly #dead: () => void;
  readonly #deadAfterMs: number;
  readonly #ping: Timer;
  #deadline: Timer;
  #lastLifeMs: number;
  #bytesAtLife: number;

  constructor(clock: Clock, socket: MessageSocket, pingMs: number, dead: () => void, deadAfterMs = DEAD_AFTER_MS) {
    this.#clock = clock;
    this.#socket = socket;
    this.#dead = dead;
    this.#deadAfterMs = deadAfterMs;
    this.#lastLifeMs = clock.now();
    this.#bytesAtLife = socket.bytesReceived;
    this.#ping = clock.every(pingMs, () => socket.ping());
    this.#deadline = this.#sampleIn(deadAfterMs);
  }

  /** A message, ping or pong came. Cheap: no timer is touched. */
  life(): void {
    this.#lastLifeMs = this.#clock.now();
    this.#bytesAtLife = this.#socket.bytesReceived;
  }

  /** How long no bytes have come; the part of a message that came without the rest may be noticed a second late. */
  get silentMs(): number {
    return this.#clock.now() - this.#lastLifeMs;
  }

  stop(): void {
    this.#ping.cancel();
    this.#deadline.cancel();
  }

  #check(): void {
    // Part of a large message is life too, though no message event told of it.
    if (this.#socket.bytesReceived !== this.#bytesAtLife) this.life();
    const leftMs = this.#deadAfterMs - (this.#clock.now() - this.#lastLifeMs);
    if (leftMs > 0) {
      this.#deadline = this.#sampleIn(leftMs);
      return;
    }
    this.stop();
    this.#dead();
  }

  #sampleIn(leftMs: number): Timer {
    // A wait below a double's resolution at `now` would leave a virtual clock where it stands, for ever.
    return this.#clock.after(Math.min(Math.max(leftMs, 1), SAMPLE_MS), () => this.#check());
  }
}
