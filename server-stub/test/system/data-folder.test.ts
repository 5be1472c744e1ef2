import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from '../../src/system/data-folder.ts';

describe('the data folder', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-data-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is opened by many processes at once, and left without a trace', async () => {
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 10 }, () => openDataFolder(folder)));
    assert.deepEqual(readdirSync(folder), []);
  });
});
