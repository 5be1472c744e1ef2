import type { ServerCore } from './core.ts';
import type { Timeline } from './timeline.ts';

/** More than this many tools that watch one conversation are a mistake. */
export const MAX_WATCHERS = 8;

export type Watchable = Pick<Timeline, 'listen'>;

/** Where the timeline of a conversation is found. */
export interface Timelines {
  /** @returns undefined where there is no such conversation of this device; `full` when too many watch it */
  find(conversationId: string, deviceId: string): Promise<Watchable | 'full' | undefined>;
}

/** Of this process. */
export class OwnTimelines implements Timelines {
  readonly #core: Pick<ServerCore, 'conversation'>;

  constructor(core: Pick<ServerCore, 'conversation'>) {
    this.#core = core;
  }

  find(conversationId: string, deviceId: string): Promise<Watchable | 'full' | undefined> {
    const conversation = this.#core.conversation(conversationId);
    if (conversation?.deviceId !== deviceId) return Promise.resolve(undefined);
    return Promise.resolve(conversation.timeline.listeners >= MAX_WATCHERS ? 'full' : conversation.timeline);
  }
}
