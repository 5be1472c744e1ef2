import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeviceRegistry } from '../../src/cluster/device-registry.ts';
import { ServerError } from '../../src/system/errors.ts';
import { temporaryFolder } from '../support/live-server.ts';

describe('device registry', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps no key, in a file that only its owner reads', async () => {
    const { key } = await new DeviceRegistry(folder).add();
    const file = join(folder, 'devices.json');
    assert.doesNotMatch(await readFile(file, 'utf8'), new RegExp(key));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('makes keys of 256 bits', async () => {
    const { key } = await new DeviceRegistry(folder).add();
    assert.equal(Buffer.from(key, 'base64url').length, 32);
  });

  it('admits a device with its own key only', async () => {
    const registry = new DeviceRegistry(folder);
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
    const registry = new DeviceRegistry(folder);
    const { id, key } = await registry.add();
    const again = await registry.add(id);
    assert.equal(await registry.admit(id, key), 'unknown-key');
    assert.equal(await registry.admit(id, again.key), 'admitted');
    assert.equal((await registry.list()).length, 1);
  });

  it('sees at once what another process adds and removes', async () => {
    const serving = new DeviceRegistry(folder);
    const command = new DeviceRegistry(folder);
    const { id, key } = await command.add();
    assert.equal(await serving.admit(id, key), 'admitted');
    await command.remove(id);
    assert.equal(await serving.admit(id, key), 'unknown-key');
  });

  it('refuses an id that is no UUID', async () => {
    await assert.rejects(
      new DeviceRegistry(folder).add('kitchen'),
      (error) => error instanceof ServerError && error.exitCode === 2 && /UUID/.test(error.message),
    );
  });

  it('says so when a device to remove is not there', async () => {
    await assert.rejects(
      new DeviceRegistry(folder).remove('kitchen'),
      (error) => error instanceof ServerError && error.fault === 'unknown-device',
    );
  });

  for (const content of ['', '{', '[]', '{"version":2,"devices":[]}', '{"version":1,"devices":[{"id":"x"}]}']) {
    it(`does not take ${JSON.stringify(content)} for an empty list`, async () => {
      await writeFile(join(folder, 'devices.json'), content);
      const registry = new DeviceRegistry(folder);
      for (const attempt of [() => registry.list(), () => registry.add(), () => registry.admit('x', 'y')]) {
        await assert.rejects(attempt, (error) => error instanceof ServerError && error.fault === 'bad-file');
      }
    });
  }
});
