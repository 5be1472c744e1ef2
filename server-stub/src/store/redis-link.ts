import { VERIFIED_TLS } from '../../../common/src/link/verified-tls.ts';
import type { SendCommand } from './redis-scripts.ts';
import type { RedisAddress } from './redis-url.ts';
import type { StoreHealth } from './store-health.ts';

/** A connection that comes back by itself for as long as the server runs. */
export interface RedisLink {
  /** Rejects at once while there is no connection: nothing piles up behind a Redis that is away. */
  readonly send: SendCommand;
  /** Waits for the answers under way, but not for long. */
  close(limitMs: number): Promise<void>;
}

/** Connects in the background: a server whose Redis is down starts all the same. */
export async function openRedisLink(
  address: RedisAddress,
  password: string | undefined,
  health: StoreHealth,
): Promise<RedisLink> {
  const { createClient, RESP_TYPES } = await import('@redis/client');
  const { host, port, database, tls, username } = address;
  const socket = { host, port, connectTimeout: CONNECT_LIMIT_MS, socketTimeout: SILENCE_LIMIT_MS, reconnectStrategy };
  const client = createClient({
    socket: tls ? { ...socket, tls, ...VERIFIED_TLS } : socket,
    database,
    name: 'bestday-server',
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    RESP: 2,
    pingInterval: PING_MS,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
  });
  client.on('error', (error: unknown) => health.failed(error));
  client.on('ready', () => health.succeeded());
  client.connect().catch((error: unknown) => health.failed(error));
  // Its own limit for a command (5 s in its queue) costs an AbortSignal each, and fails what only had to wait; a Redis that
  // is not there is noticed by its silence.
  const options = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 };
  return {
    send: (command) => client.sendCommand(command, options),
    close: async (limitMs) => {
      AbortSignal.timeout(limitMs).addEventListener('abort', () => {
        if (client.isOpen) client.destroy();
      });
      if (client.isOpen) await client.close().catch(() => {});
    },
  };
}

const CONNECT_LIMIT_MS = 2_000;
const PING_MS = 1_500;
/** A Redis that answers nothing for this long, pings included, is not there, however open the socket looks. */
const SILENCE_LIMIT_MS = 4_000;

function reconnectStrategy(retries: number): number {
  return Math.min(2_000, 50 * 2 ** Math.min(retries, 10));
}
