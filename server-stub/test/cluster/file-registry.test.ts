import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { FileRegistry } from '../../src/cluster/file-registry.ts';
import { ServerError } from '../../src/system/errors.ts';
import { temporaryFolder } from '../support/live-server.ts';

describe('device registry in a file', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps no key, in a file that only its owner reads', async () => {
    const { key } = await new FileRegistry(folder).add();
    const file = join(folder, 'devices.json');
    assert.doesNotMatch(await readFile(file, 'utf8'), new RegExp(key));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('makes keys of 256 bits', async () => {
    const { key } = await new FileRegistry(folder).add();
    assert.equal(Buffer.from(key, 'base64url').length, 32);
  });

  it('admits a device with its own key only', async () => {
    const registry = new FileRegistry(folder);
    const one = await registry.add();
    const other = await registry.add();
    assert.equal(await registry.admit(one.id, one.key), 'admitted');
    assert.equal(await registry.admit(one.id.toUpperCase(), one.key), 'admitted');
    assert.equal(await registry.admit(one.id, other.key), 'wrong-device');
    assert.equal(await registry.admit('nobody', other.key), 'wrong-device');
    assert.equal(await registry.admit(one.id, 'x'.repeat(43)), 'unknown-key');
    assert.equal(await registry.admit(one.id, ''), 'unknown-key');
  });

  it('gives a known device a new key, and the old one is void', async () => {
    const registry = new FileRegistry(folder);
    const { id, key } = await registry.add();
    const again = await registry.add(id);
    assert.equal(await registry.admit(id, key), 'unknown-key');
    assert.equal(await registry.admit(id, again.key), 'admitted');
    assert.equal((await registry.list()).length, 1);
  });

  it('sees at once what another process adds and removes', async () => {
    const serving = new FileRegistry(folder);
    const command = new FileRegistry(folder);
    const { id, key } = await command.add();
    assert.equal(await serving.admit(id, key), 'admitted');
    await command.remove(id);
    assert.equal(await serving.admit(id, key), 'unknown-key');
  });

  it('keeps all devices that are added at once', async () => {
    const added = await Promise.all(Array.from({ length: 8 }, () => new FileRegistry(folder).add()));
    const registry = new FileRegistry(folder);
    for (const { id, key } of added) assert.equal(await registry.admit(id, key), 'admitted');
  });

  it('loses neither of two settings that are made at once', async () => {
    const { id } = await new FileRegistry(folder).add();
    await Promise.all([
      new FileRegistry(folder).set(id, { patienceMs: 2_000 }),
      new FileRegistry(folder).set(id, { language: 'PT-br' }),
    ]);
    const [device] = await new FileRegistry(folder).list();
    assert.deepEqual([device?.patienceMs, device?.language], [2_000, 'pt-BR']);
  });

  it('admits devices of files from before keys were named by their hash', async () => {
    const salt = 'c2FsdA';
    const key = 'k'.repeat(43);
    const keyHash = createHash('sha256').update(`${salt}\0${key}`).digest('base64url');
    const [old, other] = ['11111111-2222-4333-8444-555555555555', '99999999-2222-4333-8444-555555555555'];
    const devices = [{ id: old, salt, keyHash, addedAt: '2026-01-01T00:00:00Z' }];
    await writeFile(join(folder, 'devices.json'), JSON.stringify({ version: 1, devices }));
    const registry = new FileRegistry(folder);
    const added = await registry.add(other);
    assert.equal(await registry.admit(old, key), 'admitted');
    assert.equal(await registry.admit(other, key), 'unknown-key');
    assert.equal(await registry.admit(old, added.key), 'wrong-device');
    assert.equal(await registry.admit(other, added.key), 'admitted');
  });

  for (const tag of ['Martian', 'xx', 'en_US', '', 'la'])
    it(`refuses the language '${tag}'`, async () => {
      const registry = new FileRegistry(folder);
      const { id } = await registry.add();
      await assert.rejects(
        registry.set(id, { language: tag }),
        (error) => error instanceof ServerError && error.exitCode === 2 && /--language/.test(error.message),
      );
    });

  it('moves to another folder by export and import, which adds none twice', async () => {
    const there = await temporaryFolder();
    const from = new FileRegistry(folder);
    const { id, key } = await from.add();
    await from.set(id, { patienceMs: 1_500 });
    const to = new FileRegistry(there);
    assert.deepEqual([await to.import(await from.export()), await to.import(await from.export())], [1, 0]);
    assert.equal(await to.admit(id, key), 'admitted');
    assert.equal(to.settingsOf(id).patienceMs, 1_500);
    await rm(there, { recursive: true });
  });

  it('imports nothing where a device is known by another key', async () => {
    const there = await temporaryFolder();
    const [from, to] = [new FileRegistry(folder), new FileRegistry(there)];
    await from.add();
    const { id, key } = await from.add();
    await to.import(await from.export());
    await from.add();
    const again = await to.add(id);
    await assert.rejects(to.import(await from.export()), new RegExp(`${id}.*another key`));
    assert.equal((await to.list()).length, 2);
    assert.equal(await to.admit(id, key), 'unknown-key');
    assert.equal(await to.admit(id, again.key), 'admitted');
    await rm(there, { recursive: true });
  });

  it('refuses an id that is no UUID', async () => {
    await assert.rejects(
      new FileRegistry(folder).add('kitchen'),
      (error) => error instanceof ServerError && error.exitCode === 2 && /UUID/.test(error.message),
    );
  });

  it('says so when a device to remove is not there', async () => {
    await assert.rejects(
      new FileRegistry(folder).remove('kitchen'),
      (error) => error instanceof ServerError && error.fault === 'unknown-device',
    );
  });

  const changes: readonly {
    readonly name: string;
    readonly change: (command: FileRegistry, id: string) => Promise<unknown>;
    readonly revoked: boolean;
  }[] = [
    { name: 'a device that is removed', change: (command, id) => command.remove(id), revoked: true },
    { name: 'a device with a new key', change: (command, id) => command.add(id), revoked: true },
    {
      name: 'a device with new settings',
      change: (command, id) => command.set(id, { patienceMs: 900 }),
      revoked: false,
    },
    { name: 'another device', change: (command) => command.add(), revoked: false },
    { name: 'a list that is gone', change: () => rm(join(folder, 'devices.json')), revoked: false },
    { name: 'a list that is spoiled', change: () => writeFile(join(folder, 'devices.json'), '{'), revoked: false },
  ];
  for (const { name, change, revoked } of changes) {
    it(`${revoked ? 'revokes' : 'does not revoke'} ${name} in another process`, async () => {
      const clock = new VirtualClock();
      const serving = new FileRegistry(folder, clock);
      const { id, key } = await new FileRegistry(folder).add();
      await serving.admit(id, key);
      const told: string[] = [];
      const watching = serving.watch((device) => told.push(device));
      await change(new FileRegistry(folder), id);
      clock.advance(1_000);
      // As often as it takes to read a file, twice over.
      await serving.list().catch(() => {});
      await serving.list().catch(() => {});
      watching.stop();
      assert.deepEqual(told, revoked ? [id] : []);
      assert.equal(clock.pending, 0);
    });
  }

  for (const content of ['', '{', '[]', '{"version":3,"devices":[]}', '{"version":1,"devices":[{"id":"x"}]}']) {
    it(`does not take ${JSON.stringify(content)} for an empty list`, async () => {
      await writeFile(join(folder, 'devices.json'), content);
      const registry = new FileRegistry(folder);
      for (const attempt of [() => registry.list(), () => registry.add(), () => registry.admit('x', 'y')]) {
        await assert.rejects(attempt, (error) => error instanceof ServerError && error.fault === 'bad-file');
      }
    });
  }
});
