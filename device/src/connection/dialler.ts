import { CONNECT_TIMEOUT_MS, RESUME_WINDOW_MS } from '../../../protocol/src/index.ts';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { Random } from '../../../common/src/time/random.ts';
import { reconnectDelays } from './backoff.ts';
import { ConnectError } from './transport.ts';
import type { ConnectAttempt, Framing, Transport } from './transport.ts';

/**
 * Gets a link, or says that it cannot: attempts, each with its limit, on the waits of `backoff.ts`, for as long as
 * the window is open. An attempt that falls due races the one under way, as in RFC 8305: on a slow path the first
 * may be about to open, and giving it up would only begin its round trips again. Whether an attempt is wanted at
 * all is the caller's to decide.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  /** Under way, oldest first. */
  readonly #attempts: Attempt[] = [];
  #retry: Timer | undefined;
  #window: Timer | undefined;
  #delays: Generator<number, void, undefined> | undefined;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Starts an attempt beside the one under way; an interface that comes and goes does not make it three. */
  attempt(): void {
    if (this.#attempts.length === MAX_RACING) this.#giveUp(this.#attempts[0]!);
    const { clock, transport } = this.#options;
    const attempt = new Attempt(
      clock.after(CONNECT_TIMEOUT_MS, () => {
        this.#giveUp(attempt);
        this.#failed(new ConnectError('timeout', `no link within ${CONNECT_TIMEOUT_MS / 1000} s`));
      }),
    );
    this.#attempts.push(attempt);
    attempt.begin(
      transport.connect({
        opened: (socket, framing) => {
          this.#over(attempt);
          this.#giveUpAll();
          this.#options.opened(socket, framing);
        },
        failed: (error) => {
          this.#over(attempt);
          this.#failed(error);
        },
      }),
    );
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
    this.#giveUpAll();
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

  /** What a server answers holds for the attempt beside it too; a path that failed may yet be passed by the other. */
  #failed(error: ConnectError): void {
    if (error.fault === 'refused' || error.retryAfterMs !== undefined) this.#giveUpAll();
    if (this.#attempts.length === 0) this.#options.failed(error);
  }

  #giveUpAll(): void {
    for (const attempt of [...this.#attempts]) this.#giveUp(attempt);
  }

  #giveUp(attempt: Attempt): void {
    attempt.cancel();
    this.#over(attempt);
  }

  #over(attempt: Attempt): void {
    attempt.limit.cancel();
    const index = this.#attempts.indexOf(attempt);
    if (index >= 0) this.#attempts.splice(index, 1);
  }
}

/** A transport may answer before `connect` returns, so what cancels it comes second. */
class Attempt {
  readonly limit: Timer;
  #connecting: ConnectAttempt | undefined;

  constructor(limit: Timer) {
    this.limit = limit;
  }

  begin(connecting: ConnectAttempt): void {
    this.#connecting = connecting;
  }

  cancel(): void {
    this.#connecting?.cancel();
  }
}

const MAX_RACING = 2;

export interface DiallerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly opened: (socket: MessageSocket, framing: Framing) => void;
  readonly failed: (error: ConnectError) => void;
  readonly retryDue: () => void;
  readonly windowOver: () => void;
}
