import { randomUUID } from 'node:crypto';
import { openRedisLink } from './redis-link.ts';
import { RedisConversations } from './redis-scripts.ts';
import { RedisConversationStore } from './redis-store.ts';
import { parseRedisUrl } from './redis-url.ts';
import { StoreHealth } from './store-health.ts';
import type { OpenedStore, StoreChoice, StoreParts } from './conversation-store.ts';

export async function openRedisStore(
  { url, password }: StoreChoice,
  { clock, log, stats }: StoreParts,
): Promise<OpenedStore> {
  const address = parseRedisUrl(url);
  const health = new StoreHealth(clock, log, stats);
  const link = await openRedisLink(address, password, health);
  const conversations = new RedisConversationStore({
    clock,
    remote: new RedisConversations(link.send),
    health,
    newOwner: () => randomUUID(),
  });
  const { host, port, database, tls } = address;
  log.info('store.redis', { host, port, database, tls });
  const close = async (): Promise<void> => {
    conversations.close();
    // What was changed in this turn of the event loop is sent at its end.
    await Promise.resolve();
    await link.close(CLOSE_LIMIT_MS);
  };
  return { conversations, failing: () => health.failing, close };
}

const CLOSE_LIMIT_MS = 1_000;
