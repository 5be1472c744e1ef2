import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log, LogFields } from '../../../common/src/system/log.ts';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { RedisServer } from '../../../test/lib/redis-server.ts';
import { ServerStats } from '../../src/system/stats.ts';
import type { ConversationStore } from '../../src/store/conversation-store.ts';
import { MemoryConversationStore } from '../../src/store/memory-store.ts';
import { openRedisLink } from '../../src/store/redis-link.ts';
import type { RedisLink } from '../../src/store/redis-link.ts';
import { RedisConversations } from '../../src/store/redis-scripts.ts';
import { RedisConversationStore } from '../../src/store/redis-store.ts';
import { StoreHealth } from '../../src/store/store-health.ts';

/** One server process's way to the store. */
export interface ProcessView {
  readonly store: ConversationStore;
  /** Resolves when what this process wrote has reached the store. */
  written(): Promise<void>;
  close(): Promise<void>;
}

/** Two cores on one memory, as good as two processes. */
export function memoryProcesses(): () => Promise<ProcessView> {
  const store = new MemoryConversationStore(systemClock);
  return () => Promise.resolve({ store, written: () => Promise.resolve(), close: () => Promise.resolve() });
}

export class RedisProcess implements ProcessView {
  readonly store: RedisConversationStore;
  readonly link: RedisLink;
  readonly stats: ServerStats;
  readonly log: readonly string[];

  private constructor(store: RedisConversationStore, link: RedisLink, stats: ServerStats, log: readonly string[]) {
    this.store = store;
    this.link = link;
    this.stats = stats;
    this.log = log;
  }

  static async start({ port }: RedisServer, password?: string): Promise<RedisProcess> {
    const lines: string[] = [];
    const stats = new ServerStats();
    const health = new StoreHealth(systemClock, collecting(lines), stats);
    const link = await openRedisLink(
      { host: '127.0.0.1', port, database: 0, tls: false, username: undefined },
      password,
      health,
    );
    const store = new RedisConversationStore({
      clock: systemClock,
      remote: new RedisConversations(link.send),
      health,
      newOwner: randomUUID,
    });
    return new RedisProcess(store, link, stats, lines);
  }

  /** Waits for the connection, too. */
  async connected(): Promise<this> {
    await until(() =>
      this.link.send(['PING']).then(
        () => true,
        () => false,
      ),
    );
    return this;
  }

  /** A command after the writes: Redis keeps their order. */
  async written(): Promise<void> {
    await new Promise(setImmediate);
    await this.link.send(['PING']);
  }

  async close(): Promise<void> {
    this.store.close();
    await this.link.close(500);
  }
}

/** Polls until `holds`. @throws {Error} after 7 s */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const limitMs = systemClock.now() + 7_000;
  while (!(await holds())) {
    if (systemClock.now() > limitMs) throw new Error(`still not so: ${holds.toString()}`);
    await sleep(5);
  }
}

function collecting(lines: string[]): Log {
  const line = (event: string, fields?: LogFields): void => void lines.push(`${event} ${JSON.stringify(fields ?? {})}`);
  const log: Log = { error: line, warn: line, info: line, debug: line, child: () => log };
  return log;
}
