import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../setup.mjs';

describe('npm test', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-counts-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const rows: [string, string, string, number][] = [
    ['counts what passed', `it('a', () => {}); it('b', () => {});`, '2 passed, 0 failed', 0],
    [
      'counts what failed, and fails',
      `it('a', () => {}); it('b', () => { throw new Error(); });`,
      '1 passed, 1 failed',
      1,
    ],
    ['counts what was skipped', `it('a', () => {}); it.skip('b', () => {});`, '1 passed, 0 failed, 1 skipped', 0],
    ['fails when a file cannot be loaded', `throw new Error('broken');`, '0 passed, 1 failed', 1],
    ['fails when the tests end the process', `it('a', () => process.exit(0));`, '0 passed, 1 failed', 1],
    ['fails when there is no test', ``, '0 passed, 1 failed', 1],
  ];
  rows.forEach(([what, text, closing, status], index) => {
    it(what, () => {
      const file = join(folder, `row-${index}.test.ts`);
      writeFileSync(file, text);
      const result = spawnSync(process.execPath, ['scripts/test.mjs', '--no-build', file], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      assert.equal(result.stdout.trimEnd().split('\n').at(-1), closing);
      assert.equal(result.status, status);
    });
  });

  it('hands other arguments on to mocha', () => {
    const file = join(folder, 'chosen.test.ts');
    writeFileSync(file, `it('this one', () => {}); it('not that one', () => { throw new Error(); });`);
    const { stdout } = spawnSync(process.execPath, ['scripts/test.mjs', '--no-build', file, '--grep', 'this one'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.match(stdout, /\n1 passed, 0 failed\n$/);
  });
});
