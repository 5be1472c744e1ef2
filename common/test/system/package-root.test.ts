import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { dataPath, packageRoot, version } from '../../src/system/package-root.ts';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';

describe('package root', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder.remove());

  const here = resolve(import.meta.dirname, '../../..');

  it('is the checkout when run from source', () => {
    assert.equal(packageRoot(), here);
    assert.equal(dataPath('device', 'prompts'), resolve(here, 'device/prompts'));
  });

  it('is where the package is installed when run from a bundle', () => {
    folder.write('package.json', '{"name":"best-day-phone"}');
    mkdirSync(folder.at('dist'));
    assert.equal(packageRoot(folder.at('dist/bestday-phone.cjs')), folder.path);
  });

  it('passes over the packages of others', () => {
    folder.write('package.json', '{"name":"best-day-phone"}');
    mkdirSync(folder.at('inner'));
    folder.write('inner/package.json', '{"name":"another"}');
    assert.equal(packageRoot(folder.at('inner/x.cjs')), folder.path);
  });

  it('says what to do when there is none', () => {
    assert.throws(() => packageRoot('/nowhere/at/all.cjs'), /install the package again/);
  });

  it('knows the version', () => {
    assert.match(version(), /^\d+\.\d+\.\d+$/);
  });
});
