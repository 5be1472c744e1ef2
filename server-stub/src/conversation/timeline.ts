import type { Clock } from '../../../common/src/time/clock.ts';
import type { EndReason } from '../../../protocol/src/index.ts';
import type { TurnTimes } from '../system/stats.ts';

/** What happened in a conversation, for tools: times, never words. */
export type TimelineEvent =
  | { readonly type: 'turn'; readonly responseId: string; readonly times: TurnTimes }
  | { readonly type: 'interruption'; readonly responseId: string; readonly playedMs: number }
  /** `elsewhere`: it goes on in another process. */
  | { readonly type: 'end'; readonly reason: EndReason | 'elsewhere' };

export interface TimelineEntry {
  /** Counts from 1, over the conversation's time in one process. */
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  readonly event: TimelineEvent;
}

export type TimelineListener = (entry: TimelineEntry) => void;

/** The events of one conversation: the latest are kept, and listeners get each as it comes. */
export class Timeline {
  readonly #clock: Clock;
  readonly #entries: TimelineEntry[] = [];
  readonly #listeners = new Set<TimelineListener>();
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  add(event: TimelineEvent): void {
    const entry = { number: this.#next++, at: new Date(this.#clock.wallTime()).toISOString(), event };
    this.#entries.push(entry);
    if (this.#entries.length > KEPT) this.#entries.shift();
    for (const listener of [...this.#listeners]) listener(entry);
  }

  /** @param after the number of the last entry known; what came later and is still kept is told first */
  listen(after: number, listener: TimelineListener): { stop(): void } {
    // A number that was never given here is of another process.
    const known = after < this.#next ? after : 0;
    for (const entry of [...this.#entries]) if (entry.number > known) listener(entry);
    this.#listeners.add(listener);
    return { stop: () => void this.#listeners.delete(listener) };
  }
}

/** Turns of about half an hour. */
const KEPT = 200;
