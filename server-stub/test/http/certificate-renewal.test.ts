import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { CertificateRenewal } from '../../src/http/certificate-renewal.ts';
import { ownCertificate } from '../../src/http/certificates.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer } from '../../src/server.ts';
import { temporaryFolder } from '../support/live-server.ts';
import { scriptedPipeline } from '../support/world.ts';

async function fingerprint({ port }: RunningServer): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe('a certificate that was renewed on the disk', () => {
  let folder: string;
  let server: RunningServer;
  const certFile = (): string => join(folder, 'cert.pem');
  const keyFile = (): string => join(folder, 'key.pem');

  /** As certbot and the like do it; `half`: it has not written the key yet. */
  async function issue(half = false): Promise<void> {
    const made = await temporaryFolder();
    await ownCertificate(made, '127.0.0.1', new Date());
    await copyFile(join(made, 'server.pem'), certFile());
    if (!half) await copyFile(join(made, 'server-key.pem'), keyFile());
    await rm(made, { recursive: true });
  }

  beforeEach(async () => {
    folder = await temporaryFolder();
    await issue();
    const tls = { certFile: certFile(), keyFile: keyFile() };
    const { pipeline } = scriptedPipeline();
    server = await startServer({ port: 0, tls, dataFolder: folder, log: silentLog, pipeline });
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it('is what the next phone sees', async () => {
    const before = await fingerprint(server);
    await issue();
    await server.reload();
    assert.notEqual(await fingerprint(server), before);
  });

  it('and does not fit its key changes nothing', async () => {
    const before = await fingerprint(server);
    await issue(true);
    await server.reload();
    assert.equal(await fingerprint(server), before);
  });

  it('or is gone changes nothing', async () => {
    const before = await fingerprint(server);
    await rm(certFile());
    await server.reload();
    assert.equal(await fingerprint(server), before);
  });
});

describe('looking for a renewed certificate', () => {
  it('happens every ten seconds, and a lasting failure is logged once', async () => {
    const clock = new VirtualClock();
    const [first, second] = ['first', 'second'].map((cert) => ({ cert, key: 'key' }));
    let onDisk: typeof first;
    const used: string[] = [];
    const events: string[] = [];
    const note = (event: string): void => void events.push(event);
    const log: Log = { ...silentLog, info: note, warn: note };
    const renewal = new CertificateRenewal({
      clock,
      log,
      inUse: first!,
      read: () => (onDisk === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(onDisk)),
      renew: ({ cert }) => used.push(cert),
    });
    for (const found of [first, undefined, undefined, second, second]) {
      onDisk = found;
      clock.advance(10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    renewal.stop();
    assert.deepEqual(used, ['second']);
    assert.deepEqual(events, ['certificate.not-renewed', 'certificate.renewed']);
    assert.equal(clock.pending, 0);
  });
});
