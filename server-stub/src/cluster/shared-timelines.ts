import type { Clock } from '../../../common/src/time/clock.ts';
import type { TimelineEntry, TimelineListener } from '../conversation/timeline.ts';
import type { Timelines, Watchable } from '../conversation/timelines.ts';

/**
 * Timelines of all server processes, whichever of them is asked:
 *
 *   here?  → listen
 *   else   → `find` to the others → one has it → `listen` to that one → its `entry` messages, until `stop`
 *
 * The first process only passes messages on, and says when one of the others is gone.
 */
export class SharedTimelines implements Timelines {
  readonly #own: Timelines;
  readonly #mail: Mail;
  readonly #clock: Clock;
  readonly #searches = new Map<number, Search>();
  /** What is watched here and happens elsewhere. */
  readonly #watches = new Map<number, { readonly holder: number; readonly listener: TimelineListener }>();
  /** What happens here and is watched elsewhere, by watcher and its number. */
  readonly #watched = new Map<string, { stop(): void }>();
  #numbers = 0;

  constructor(own: Timelines, mail: Mail, clock: Clock) {
    this.#own = own;
    this.#mail = mail;
    this.#clock = clock;
    mail.listen((from, letter) => void this.#receive(from, letter));
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
      this.#mail.send('others', { type: 'find', number, conversationId, deviceId });
    });
  }

  async #receive(from: number, letter: Letter): Promise<void> {
    switch (letter.type) {
      case 'find': {
        const found = await this.#own.find(letter.conversationId, letter.deviceId);
        return this.#mail.send(from, {
          type: 'found',
          number: letter.number,
          found: found === undefined ? 'no' : found === 'full' ? 'full' : 'yes',
          of: letter.of ?? 1,
        });
      }
      case 'found':
        return this.#answered(from, letter);
      case 'listen':
        return this.#listen(from, letter);
      case 'entry':
        return this.#watches.get(letter.number)?.listener(letter.entry);
      case 'stop':
        return this.#stop(`${from}:${letter.number}`);
      case 'gone':
        return this.#gone(from);
    }
  }

  #answered(from: number, { number, found, of }: Extract<Letter, { type: 'found' }>): void {
    const search = this.#searches.get(number);
    if (search === undefined) return;
    const { conversationId, deviceId } = search;
    if (found === 'full') search.end('full');
    else if (found === 'yes')
      search.end({ listen: (after, listener) => this.#watch(from, { conversationId, deviceId, after }, listener) });
    else if (++search.refusals === of) search.end(undefined);
  }

  #watch(holder: number, what: Watch, listener: TimelineListener): { stop(): void } {
    const number = ++this.#numbers;
    this.#watches.set(number, { holder, listener });
    this.#mail.send(holder, { type: 'listen', number, ...what });
    return {
      stop: () => {
        if (this.#watches.delete(number)) this.#mail.send(holder, { type: 'stop', number });
      },
    };
  }

  async #listen(
    from: number,
    { number, conversationId, deviceId, after }: Extract<Letter, { type: 'listen' }>,
  ): Promise<void> {
    const tell = (entry: TimelineEntry): void => this.#mail.send(from, { type: 'entry', number, entry });
    const found = await this.#own.find(conversationId, deviceId);
    if (found === undefined || found === 'full') return tell(this.#elsewhere());
    this.#watched.set(`${from}:${number}`, found.listen(after, tell));
  }

  #stop(key: string): void {
    this.#watched.get(key)?.stop();
    this.#watched.delete(key);
  }

  #gone(process: number): void {
    for (const { holder, listener } of [...this.#watches.values()]) if (holder === process) listener(this.#elsewhere());
    for (const key of [...this.#watched.keys()]) if (key.startsWith(`${process}:`)) this.#stop(key);
  }

  /** Whoever watches asks again, from the beginning, and is sent to where the conversation is then. */
  #elsewhere(): TimelineEntry {
    return {
      number: 0,
      at: new Date(this.#clock.wallTime()).toISOString(),
      event: { type: 'end', reason: 'elsewhere' },
    };
  }
}

/** Between the server's processes, each known by a number. */
export interface Mail {
  send(to: number | 'others', letter: Letter): void;
  listen(receive: (from: number, letter: Letter) => void): void;
}

interface Watch {
  readonly conversationId: string;
  readonly deviceId: string;
  readonly after: number;
}

export type Letter =
  /** `of`: how many were asked; whoever delivers it knows. */
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
  /** The sender is no more. */
  | { readonly type: 'gone' };

interface Search {
  refusals: number;
  readonly conversationId: string;
  readonly deviceId: string;
  readonly end: (found: Watchable | 'full' | undefined) => void;
}

const SEARCH_LIMIT_MS = 1_000;
