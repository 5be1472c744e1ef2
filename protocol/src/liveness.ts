import type { Clock, Timer } from './clock.ts';
import { DEAD_AFTER_MS } from './limits.ts';
import type { MessageSocket } from './socket.ts';

/**
 * Watches one socket: pings it every `pingMs`, and calls `dead` once when no bytes came for `deadAfterMs`.
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
    this.#deadline = clock.after(deadAfterMs, () => this.#check());
  }

  /** A message, ping or pong came. Cheap: no timer is touched. */
  life(): void {
    this.#lastLifeMs = this.#clock.now();
    this.#bytesAtLife = this.#socket.bytesReceived;
  }

  stop(): void {
    this.#ping.cancel();
    this.#deadline.cancel();
  }

  #check(): void {
    // Part of a large message is life too, though no message event told of it.
    const partial = this.#socket.bytesReceived !== this.#bytesAtLife;
    if (partial && this.#clock.now() - this.#lastLifeMs >= this.#deadAfterMs) this.life();
    const leftMs = this.#deadAfterMs - (this.#clock.now() - this.#lastLifeMs);
    if (leftMs > 0) {
      this.#deadline = this.#clock.after(leftMs, () => this.#check());
      return;
    }
    this.stop();
    this.#dead();
  }
}
