import { CONNECT_TIMEOUTS_MS, RECONNECT_DELAYS_MS, RESUME_WINDOW_MS } from '../../../protocol/src/index.ts';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Random } from '../../../common/src/time/random.ts';
import { reconnectDelays } from './backoff.ts';
import { ConnectError } from './transport.ts';
import type { ConnectAttempt, OpenLink, Transport } from './transport.ts';

/**
 * Gets a link, or says that it cannot: attempts, each with its limit, on the waits of `backoff.ts`, for as long as
 * the window is open. An attempt that falls due races the one under way, as in RFC 8305: on a slow path the first
 * may be about to open, and giving it up would only begin its round trips again. Each gets longer than the one
 * before, so that a server that is slow to reach is reached. Whether an attempt is wanted at all is the caller's to
 * decide.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  /** Under way, oldest first. */
  readonly #attempts: Attempt[] = [];
  /** Begun since the window opened. */
  #begun = 0;
  #retry: Timer | undefined;
  #retryAtMs = 0;
  #urgentAtMs = Number.NEGATIVE_INFINITY;
  /** Links in a row that broke as soon as they were up, and when the last one came up. */
  #shortLinks = 0;
  #upAtMs = Number.NEGATIVE_INFINITY;
  #window: Timer | undefined;
  #delays: Generator<number, void, undefined> | undefined;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /**
   * Starts an attempt beside those under way. One that was answered is not given up for a younger one: it is on its
   * way to open. One that met nothing but silence is, because the younger one's first packet goes out now.
   * @param urgent the network has just come back: worth one more than the schedule's, which the next such replaces
   * @returns whether there was room for it
   */
  attempt(urgent: boolean): boolean {
    const now = this.#options.clock.now();
    if (urgent && now - this.#urgentAtMs < URGENT_EVERY_MS) return false;
    if (urgent) this.#urgentAtMs = now;
    const urgentBefore = this.#attempts.find((attempt) => attempt.urgent);
    if (urgent && urgentBefore !== undefined) this.#giveUp(urgentBefore);
    else if (!urgent && !this.#makeRoom()) return false;
    const { clock, transport } = this.#options;
    const limitMs = CONNECT_TIMEOUTS_MS[Math.min(this.#begun++, CONNECT_TIMEOUTS_MS.length - 1)]!;
    const attempt = new Attempt(
      urgent,
      clock.after(limitMs, () => {
        this.#giveUp(attempt);
        this.#failed(new ConnectError('timeout', `no link within ${limitMs / 1000} s`));
      }),
    );
    this.#attempts.push(attempt);
    const handlers = {
      opened: (link: OpenLink) => {
        this.#over(attempt);
        this.#giveUpAll();
        this.#options.opened(link);
      },
      failed: (error: ConnectError) => {
        this.#over(attempt);
        this.#failed(error);
      },
    };
    attempt.begin(transport.connect(handlers, limitMs));
    return true;
  }

  #makeRoom(): boolean {
    const scheduled = this.#attempts.filter((attempt) => !attempt.urgent);
    if (scheduled.length < MAX_RACING) return true;
    const unanswered = scheduled.find((attempt) => !attempt.answered);
    if (unanswered !== undefined) this.#giveUp(unanswered);
    return unanswered !== undefined;
  }

  /** The 30 s begin, and with them the waits, from the first; from a later one when links keep breaking at once. */
  openWindow(notBeforeMs: number): void {
    const upMs = this.#options.clock.now() - this.#upAtMs;
    this.#shortLinks = upMs < SHORT_LINK_MS ? Math.min(this.#shortLinks + 1, RECONNECT_DELAYS_MS.length) : 0;
    this.#stop();
    this.#begun = 0;
    this.#delays = reconnectDelays(this.#options.random, RESUME_WINDOW_MS, Math.max(0, this.#shortLinks - 1));
    this.#window = this.#options.clock.after(RESUME_WINDOW_MS, () => this.#options.windowOver());
    this.#schedule(notBeforeMs);
  }

  /** The server asked for a longer wait than the schedule's next one; a shorter one changes nothing. */
  postpone(delayMs: number): void {
    const scheduledMs = this.#retryAtMs - this.#options.clock.now();
    if (delayMs > Math.max(scheduledMs, RECONNECT_DELAYS_MS[0]!)) this.#retryIn(delayMs);
  }

  /** The link is up, or not wanted any more: nothing more is attempted. */
  close(): void {
    this.#upAtMs = this.#options.clock.now();
    this.#stop();
  }

  #stop(): void {
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
    this.#retryAtMs = this.#options.clock.now() + delayMs;
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
  readonly urgent: boolean;
  readonly limit: Timer;
  #connecting: ConnectAttempt | undefined;

  constructor(urgent: boolean, limit: Timer) {
    this.urgent = urgent;
    this.limit = limit;
  }

  get answered(): boolean {
    return this.#connecting?.answered === true;
  }

  begin(connecting: ConnectAttempt): void {
    this.#connecting = connecting;
  }

  cancel(): void {
    this.#connecting?.cancel();
  }
}

/** A link that broke sooner after the handshake is no better than an attempt that failed. */
const SHORT_LINK_MS = 5_000;
/** A radio that comes and goes is worth no more attempts than this. */
const URGENT_EVERY_MS = 1_000;
/** Of the schedule's own. */
const MAX_RACING = 2;

export interface DiallerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly opened: (link: OpenLink) => void;
  readonly failed: (error: ConnectError) => void;
  readonly retryDue: () => void;
  readonly windowOver: () => void;
}
