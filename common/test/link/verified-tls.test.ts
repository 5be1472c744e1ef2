import assert from 'node:assert/strict';
import { insistOnVerifiedTls, TLS_SWITCH } from '../../src/link/verified-tls.ts';
import { Stranger } from './stranger.ts';

describe('TLS of libraries that take no option of ours', () => {
  it('is verified, whatever the environment says', async () => {
    const stranger = await Stranger.listen();
    const env = { ...process.env };
    process.env[TLS_SWITCH] = '0';
    try {
      assert.equal(insistOnVerifiedTls(process.env), true);
      await assert.rejects(fetch(stranger.url.replace('wss:', 'https:'), { headers: { authorization: 'Bearer KEY' } }));
      assert.equal(stranger.heard, '');
    } finally {
      process.env = env;
      await stranger.close();
    }
  });

  it('is worth a warning only where it was switched off', () => assert.equal(insistOnVerifiedTls({}), false));
});
