import assert from 'node:assert/strict';
import { TLS_SWITCH } from '../../../common/src/link/verified-tls.ts';
import { Stranger } from '../../../common/test/link/stranger.ts';
import { openRedisLink } from '../../src/store/redis-link.ts';
import type { StoreHealth } from '../../src/store/store-health.ts';

describe('the link to Redis', () => {
  it('is verified whatever the environment says: no password goes to a stranger', async () => {
    const stranger = await Stranger.listen();
    process.env[TLS_SWITCH] = '0';
    try {
      const address = { host: 'localhost', port: stranger.port, database: 0, tls: true, username: undefined };
      let failed: (error: unknown) => void;
      const failure = new Promise<unknown>((resolve) => {
        failed = resolve;
      });
      const health = { failed: (error: unknown) => failed(error), succeeded() {} } as unknown as StoreHealth;
      const link = await openRedisLink(address, 'password-of-redis', health);
      await failure;
      await link.close(0);
      assert.equal(stranger.heard, '');
    } finally {
      delete process.env[TLS_SWITCH];
      await stranger.close();
    }
  });
});
