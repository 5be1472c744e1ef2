import type { Destination } from '../system/plaintext.ts';
import type { OpenedStore, StoreChoice, StoreParts } from './conversation-store.ts';
import { parseRedisUrl } from './redis-url.ts';

const MEMORY: StoreRow = {
  schemes: ['memory:'],
  form: 'memory:',
  about: 'in this process (the default)',
  shared: false,
  check: () => {},
  open: async (_choice, { clock }) => {
    const { MemoryConversationStore } = await import('./memory-store.ts');
    return { conversations: new MemoryConversationStore(clock), failing: () => false, close: () => Promise.resolve() };
  },
};

const REDIS: StoreRow = {
  schemes: ['redis:', 'rediss:'],
  form: 'redis://HOST[:PORT][/DB]',
  about: 'in Redis (rediss:// for TLS), so that a phone can resume in another process',
  shared: true,
  check: parseRedisUrl,
  destination: (url) => {
    const { host, tls } = parseRedisUrl(url);
    return { option: '--store', host, encrypted: tls };
  },
  open: async (choice, parts) => {
    const { openRedisStore } = await import('./open-redis.ts');
    return openRedisStore(choice, parts);
  },
};

/** Where conversations are kept, by the scheme of `--store`. A new store is one row, and a file that the row imports when it is opened. */
export const STORES: readonly StoreRow[] = [MEMORY, REDIS];

interface StoreRow {
  readonly schemes: readonly string[];
  /** Of its URLs, for messages. */
  readonly form: string;
  /** For `--help`. */
  readonly about: string;
  /** Other processes can claim a conversation from it. */
  readonly shared: boolean;
  /** @throws {ServerError} bad-option */
  readonly check: (url: string) => void;
  /** Where conversations would be sent; absent where they stay in this process. */
  readonly destination?: (url: string) => Destination;
  readonly open: (choice: StoreChoice, parts: StoreParts) => Promise<OpenedStore>;
}

/** @returns undefined when no store takes such a URL */
export function storeOf(url: string): StoreRow | undefined {
  const scheme = URL.canParse(url) ? new URL(url).protocol : '';
  return STORES.find(({ schemes }) => schemes.includes(scheme));
}

/** @param choice default: memory */
export function openStore(choice: StoreChoice | undefined, parts: StoreParts): Promise<OpenedStore> {
  const { open } = choice === undefined ? MEMORY : storeOf(choice.url)!;
  return open(choice ?? { url: MEMORY.form, password: undefined }, parts);
}
