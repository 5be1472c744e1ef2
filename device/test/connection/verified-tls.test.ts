import assert from 'node:assert/strict';
import { generate } from 'selfsigned';
import { TLS_SWITCH } from '../../../common/src/link/verified-tls.ts';
import { Stranger } from '../../../common/test/link/stranger.ts';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { ConnectError } from '../../src/connection/transport.ts';
import { WebSocketTransport } from '../../src/connection/websocket.ts';
import { networkChecks } from '../../src/diagnosis/network-checks.ts';

const KEY = 'key-of-a-phone-0123456789';

/** Somebody set `NODE_TLS_REJECT_UNAUTHORIZED=0`, and a stranger answers in the server's place. */
describe('verification', () => {
  let stranger: Stranger;
  let pinned: string;
  let before_: string | undefined;

  before(async () => {
    stranger = await Stranger.listen();
    pinned = (await generate([{ name: 'commonName', value: 'localhost' }])).cert;
    before_ = process.env[TLS_SWITCH];
    process.env[TLS_SWITCH] = '0';
  });
  after(async () => {
    if (before_ === undefined) delete process.env[TLS_SWITCH];
    else process.env[TLS_SWITCH] = before_;
    await stranger.close();
  });

  for (const pins of [false, true]) {
    const ca = (): string | undefined => (pins ? pinned : undefined);
    const transport = (): WebSocketTransport =>
      new WebSocketTransport({ url: stranger.url, deviceId: 'id', clientId: 'boot', apiKey: KEY, ca: ca() });

    it(`of a call ${pins ? 'with a pinned authority' : 'by the system'} is not switched off, and no key leaves`, async () => {
      const error = await new Promise<ConnectError>((resolve, reject) => {
        transport().connect({ opened: () => reject(new Error('it opened')), failed: resolve }, 5_000);
      });
      assert.match(error.message, /certificate|self.signed/i);
      assert.equal(stranger.heard, '');
    });

    it(`of the doctor's checks ${pins ? 'with a pinned authority' : 'by the system'} is not switched off`, async () => {
      const checks = networkChecks({ clock: systemClock, server: stranger.url, ca: ca(), transport: transport() });
      const encryption = checks.find(({ name }) => name === 'encryption')!;
      assert.equal((await encryption.run()).state, 'fail');
      assert.equal(stranger.heard, '');
    });
  }
});
