import { CONNECT_TIMEOUT_MS, RESUME_WINDOW_MS } from '../../../protocol/src/index.ts';
import type { Clock, MessageSocket, Random, Timer } from '../../../protocol/src/index.ts';
import { reconnectDelays } from './backoff.ts';
import { ConnectError } from './transport.ts';
import type { ConnectAttempt, Framing, Transport } from './transport.ts';

/**
 * Gets a link, or says that it cannot: one attempt at a time, each with its limit, on the waits of `backoff.ts`,
 * for as long as the window is open. Whether an attempt is wanted at all is the caller's to decide.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  #attempt: ConnectAttempt | undefined;
  #limit: Timer | undefined;
  #retry: Timer | undefined;
  #window: Timer | undefined;
  #delays: Generator<number, void, undefined> | undefined;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Starts an attempt; one under way is given up for it. */
  attempt(): void {
    this.#giveUp();
    const { clock, transport } = this.#options;
    this.#limit = clock.after(CONNECT_TIMEOUT_MS, () => {
      this.#giveUp();
      this.#options.failed(new ConnectError('timeout', `no link within ${CONNECT_TIMEOUT_MS / 1000} s`));
    });
    this.#attempt = transport.connect({
      opened: (socket, framing) => {
        this.#over();
        this.#options.opened(socket, framing);
      },
      failed: (error) => {
        this.#over();
        this.#options.failed(error);
      },
    });
  }

  /** The 30 s begin, and with them the waits, from the first. */
  openWindow(notBeforeMs: number): void {
    this.close();
    this.#delays = reconnectDelays(this.#options.random);
    this.#window = this.#options.clock.after(RESUME_WINDOW_MS, () => this.#options.windowOver());
    this.#schedule(notBeforeMs);
  }

  /** The server asked for its own wait in place of the schedule's next one. */
  postpone(delayMs: number): void {
    this.#retryIn(delayMs);
  }

  /** Nothing more is attempted. */
  close(): void {
    this.#giveUp();
    this.#retry?.cancel();
    this.#window?.cancel();
    this.#delays = undefined;
  }

  #schedule(notBeforeMs: number): void {
    const delayMs = this.#delays?.next().value;
    if (typeof delayMs === 'number') this.#retryIn(Math.max(delayMs, notBeforeMs));
  }

  #retryIn(delayMs: number): void {
    this.#retry?.cancel();
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#schedule(0);
      this.#options.retryDue();
    });
  }

  #giveUp(): void {
    this.#attempt?.cancel();
    this.#over();
  }

  #over(): void {
    this.#attempt = undefined;
    this.#limit?.cancel();
  }
}

export interface DiallerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly opened: (socket: MessageSocket, framing: Framing) => void;
  readonly failed: (error: ConnectError) => void;
  readonly retryDue: () => void;
  readonly windowOver: () => void;
}
