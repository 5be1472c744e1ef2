import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { HookHandlers, HookSwitch } from './hook-switch.ts';

/** After the script's end the companion may answer once more; silence for this long ends the call. */
const QUIET_MS = 5_000;

/**
 * No switch: the receiver is lifted at the start, and put down when the asked-for time is over, or when a scripted
 * caller has said everything and the line has been quiet for a while.
 */
export class ScriptedHook implements HookSwitch {
  readonly description: string;
  readonly #clock: Clock;
  readonly #durationMs: number | undefined;
  #handlers: HookHandlers | undefined;
  #end: Timer | undefined;
  #quiet: Timer | undefined;
  #scriptEnded = false;
  #speaking = false;

  constructor(clock: Clock, durationMs: number | undefined) {
    this.#clock = clock;
    this.#durationMs = durationMs;
    this.description = durationMs === undefined ? 'lifted' : `lifted for ${durationMs / 1000} s`;
  }

  start(handlers: HookHandlers): void {
    this.#handlers = handlers;
    handlers.lifted();
    if (this.#durationMs !== undefined)
      this.#end = this.#clock.after(this.#durationMs, () => handlers.hungUp('duration'));
  }

  stop(): void {
    this.#end?.cancel();
    this.#quiet?.cancel();
    this.#handlers = undefined;
  }

  /** The scripted caller has said everything. */
  scriptEnded(): void {
    this.#scriptEnded = true;
    this.#await();
  }

  /** The companion began or ended an answer. */
  playback(state: 'started' | 'finished' | 'flushed'): void {
    this.#speaking = state === 'started';
    this.#await();
  }

  #await(): void {
    this.#quiet?.cancel();
    if (!this.#scriptEnded || this.#speaking || this.#durationMs !== undefined) return;
    this.#quiet = this.#clock.after(QUIET_MS, () => this.#handlers?.hungUp('hangup'));
  }
}
