import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ownCertificate } from '../../src/http/certificates.ts';
import { temporaryFolder } from '../support/live-server.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const DAY_MS = 86_400_000;

describe('certificate of our own', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('serves the loopback names and the host, under an authority that signs nothing else', async () => {
    const { cert, key, caFile } = await ownCertificate(folder, 'phones.example', NOW);
    const leaf = new X509Certificate(cert);
    const ca = new X509Certificate(await readFile(caFile!, 'utf8'));
    for (const name of ['localhost', 'phones.example']) assert.equal(leaf.checkHost(name), name);
    for (const address of ['127.0.0.1', '::1']) assert.notEqual(leaf.checkIP(address), undefined);
    assert.ok(leaf.verify(ca.publicKey));
    assert.equal(ca.ca, true);
    assert.equal(leaf.ca, false);
    assert.doesNotThrow(() => createSecureContext({ cert, key }));
  });

  it('is made once by servers that start at once', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => ownCertificate(folder, '127.0.0.1', NOW)));
    assert.equal(new Set(made.map(({ cert, key }) => `${cert}${key}`)).size, 1);
  });

  it('keeps its key for its owner alone', async () => {
    await ownCertificate(folder, '127.0.0.1', NOW);
    assert.equal((await stat(join(folder, 'server-key.pem'))).mode & 0o777, 0o600);
  });

  it('is the same the next time, so that phones go on trusting it', async () => {
    const first = await ownCertificate(folder, '127.0.0.1', NOW);
    const second = await ownCertificate(folder, '127.0.0.1', new Date(NOW.getTime() + 700 * DAY_MS));
    assert.equal(second.cert, first.cert);
  });

  const renewals: readonly { name: string; host?: string; afterDays?: number; spoil?: string }[] = [
    { name: 'when it is about to end', afterDays: 800 },
    { name: 'when it lacks the host', host: '10.0.0.7' },
    { name: 'when its file is spoiled', spoil: 'server.pem' },
    { name: 'when its authority is lost', spoil: 'ca.pem' },
    { name: 'when its key is of another certificate', spoil: 'server-key.pem' },
  ];
  for (const { name, host = '127.0.0.1', afterDays = 0, spoil } of renewals) {
    it(`is made anew ${name}`, async () => {
      const first = await ownCertificate(folder, '127.0.0.1', NOW);
      if (spoil === 'ca.pem') await rm(join(folder, spoil));
      else if (spoil === 'server-key.pem') await writeFile(join(folder, spoil), await anotherKey());
      else if (spoil !== undefined) await writeFile(join(folder, spoil), 'spoiled');
      const second = await ownCertificate(folder, host, new Date(NOW.getTime() + afterDays * DAY_MS));
      assert.notEqual(second.cert, first.cert);
      assert.ok(
        new X509Certificate(second.cert).verify(new X509Certificate(await readFile(second.caFile!, 'utf8')).publicKey),
      );
    });
  }
});

async function anotherKey(): Promise<string> {
  const folder = await temporaryFolder();
  const { key } = await ownCertificate(folder, '127.0.0.1', NOW);
  await rm(folder, { recursive: true });
  return key;
}
