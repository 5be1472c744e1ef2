import type { Clock } from '../../../common/src/time/clock.ts';
import type { TimelineEntry, TimelineListener } from '../conversation/timeline.ts';
import type { Timelines, Watchable } from '../conversation/timelines.ts';

/**
 * Timelines of all worker processes, whichever of them is asked:
 *
 *   here?  → listen
 *   else   → `find` to the others → one has it → `listen` to that one → its `entry` messages, until `stop`
 *
 * The first process only passes messages on, and says when a worker is gone.
 */
export class SharedTimelines implements Timelines {
  readonly #own: Timelines;
  readonly #bus: ProcessBus;
  readonly #clock: Clock;
  readonly #searches = new Map<number, Search>();
  /** Conversations of other processes that are watched here. */
  readonly #watches = new Map<number, { readonly holder: number; readonly listener: TimelineListener }>();
  /** Conversations of this process that are watched elsewhere, by `PROCESS:NUMBER` of the watch. */
  readonly #watched = new Map<string, { stop(): void }>();
  #numbers = 0;

  constructor(own: Timelines, bus: ProcessBus, clock: Clock) {
    this.#own = own;
    this.#bus = bus;
    this.#clock = clock;
    bus.listen((from, message) => void this.#receive(from, message));
  }

  async find(conversationId: string, deviceId: string): Promise<Watchable | 'full' | undefined> {
    return (await this.#own.find(conversationId, deviceId)) ?? this.#findElsewhere(conversationId, deviceId);
  }

  #findElsewhere(conversationId: string, deviceId: string): Promise<Watchable | 'full' | undefined> {
    const number = ++this.#numbers;
    return new Promise((resolve) => {
      const end = (found: Watchable | 'full' | undefined): void => {
        limit.cancel();
        this.#searches.delete(number);
        resolve(found);
      };
      const limit = this.#clock.after(SEARCH_LIMIT_MS, () => end(undefined));
      this.#searches.set(number, { refusals: 0, conversationId, deviceId, end });
      this.#bus.send('others', { type: 'find', number, conversationId, deviceId });
    });
  }

  async #receive(from: number, message: BusMessage): Promise<void> {
    switch (message.type) {
      case 'find': {
        const found = await this.#own.find(message.conversationId, message.deviceId);
        return this.#bus.send(from, {
          type: 'found',
          number: message.number,
          found: found === undefined ? 'no' : found === 'full' ? 'full' : 'yes',
          of: message.of ?? 1,
        });
      }
      case 'found':
        return this.#answered(from, message);
      case 'listen':
        return this.#listen(from, message);
      case 'entry':
        return this.#watches.get(message.number)?.listener(message.entry);
      case 'stop':
        return this.#stop(`${from}:${message.number}`);
      case 'gone':
        return this.#gone(from);
    }
  }

  #answered(from: number, { number, found, of }: Extract<BusMessage, { type: 'found' }>): void {
    const search = this.#searches.get(number);
    if (search === undefined) return;
    const { conversationId, deviceId } = search;
    if (found === 'full') search.end('full');
    else if (found === 'yes')
      search.end({ listen: (after, listener) => this.#watch(from, { conversationId, deviceId, after }, listener) });
    else if (++search.refusals === of) search.end(undefined);
  }

  #watch(holder: number, watch: Watch, listener: TimelineListener): { stop(): void } {
    const number = ++this.#numbers;
    this.#watches.set(number, { holder, listener });
    this.#bus.send(holder, { type: 'listen', number, ...watch });
    return {
      stop: () => {
        if (this.#watches.delete(number)) this.#bus.send(holder, { type: 'stop', number });
      },
    };
  }

  async #listen(
    from: number,
    { number, conversationId, deviceId, after }: Extract<BusMessage, { type: 'listen' }>,
  ): Promise<void> {
    const tell = (entry: TimelineEntry): void => this.#bus.send(from, { type: 'entry', number, entry });
    const key = `${from}:${number}`;
    // Known before it is looked for: the watcher, or its process, may go meanwhile.
    this.#watched.set(key, { stop() {} });
    const found = await this.#own.find(conversationId, deviceId);
    if (!this.#watched.has(key)) return;
    if (found === undefined || found === 'full') {
      this.#watched.delete(key);
      return tell(this.#elsewhere());
    }
    this.#watched.set(key, found.listen(after, tell));
  }

  #stop(key: string): void {
    this.#watched.get(key)?.stop();
    this.#watched.delete(key);
  }

  #gone(process: number): void {
    for (const { holder, listener } of [...this.#watches.values()]) if (holder === process) listener(this.#elsewhere());
    for (const key of [...this.#watched.keys()]) if (key.startsWith(`${process}:`)) this.#stop(key);
  }

  /** A watcher then asks again, from the beginning, and finds the process that has the conversation now. */
  #elsewhere(): TimelineEntry {
    return {
      number: 0,
      at: new Date(this.#clock.wallTime()).toISOString(),
      event: { type: 'end', reason: 'elsewhere' },
    };
  }
}

/** Messages between the worker processes, each known by a number. */
export interface ProcessBus {
  send(to: number | 'others', message: BusMessage): void;
  listen(receive: (from: number, message: BusMessage) => void): void;
}

interface Watch {
  readonly conversationId: string;
  readonly deviceId: string;
  readonly after: number;
}

export type BusMessage =
  /** `of`: how many processes were asked; the first process adds it. */
  | {
      readonly type: 'find';
      readonly number: number;
      readonly conversationId: string;
      readonly deviceId: string;
      readonly of?: number;
    }
  | { readonly type: 'found'; readonly number: number; readonly found: 'yes' | 'no' | 'full'; readonly of: number }
  | ({ readonly type: 'listen'; readonly number: number } & Watch)
  | { readonly type: 'entry'; readonly number: number; readonly entry: TimelineEntry }
  | { readonly type: 'stop'; readonly number: number }
  /** The sending process has ended. */
  | { readonly type: 'gone' };

interface Search {
  refusals: number;
  readonly conversationId: string;
  readonly deviceId: string;
  readonly end: (found: Watchable | 'full' | undefined) => void;
}

const SEARCH_LIMIT_MS = 1_000;
