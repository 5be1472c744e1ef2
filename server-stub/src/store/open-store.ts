import { randomUUID } from 'node:crypto';
import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { ServerStats } from '../system/stats.ts';
import type { ConversationStore } from './conversation-store.ts';
import { MemoryConversationStore } from './memory-store.ts';
import { openRedisLink } from './redis-link.ts';
import { RedisConversations } from './redis-scripts.ts';
import { RedisConversationStore } from './redis-store.ts';
import { StoreHealth } from './store-health.ts';
import type { StoreChoice } from './store-option.ts';

export interface OpenedStore {
  readonly conversations: ConversationStore;
  /** Lets what was written last arrive, within a second. */
  close(): Promise<void>;
}

/** @param choice undefined: in this process's memory. */
export async function openStore(choice: StoreChoice | undefined, parts: StoreParts): Promise<OpenedStore> {
  return choice === undefined
    ? { conversations: new MemoryConversationStore(parts.clock), close: () => Promise.resolve() }
    : openRedisStore(choice, parts);
}

interface StoreParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: ServerStats;
}

async function openRedisStore(
  { redis, password }: StoreChoice,
  { clock, log, stats }: StoreParts,
): Promise<OpenedStore> {
  const health = new StoreHealth(clock, log, stats);
  const link = await openRedisLink(redis, password, health);
  const conversations = new RedisConversationStore({
    clock,
    remote: new RedisConversations(link.send),
    health,
    newOwner: () => randomUUID(),
  });
  log.info('store.redis', { host: redis.host, port: redis.port, database: redis.database, tls: redis.tls });
  const close = async (): Promise<void> => {
    conversations.close();
    // What was changed in this turn of the event loop is handed over at its end.
    await Promise.resolve();
    await link.close(CLOSE_LIMIT_MS);
  };
  return { conversations, close };
}

const CLOSE_LIMIT_MS = 1_000;
