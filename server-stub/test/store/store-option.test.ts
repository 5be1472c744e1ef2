import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerError } from '../../src/system/errors.ts';
import { parseRedisUrl } from '../../src/store/redis-url.ts';
import { storeChoice } from '../../src/store/store-option.ts';

describe('--store', () => {
  const plain = { host: 'localhost', port: 6379, database: 0, tls: false, username: undefined };
  const understood = [
    ['redis://localhost', plain],
    ['redis://localhost/', plain],
    ['redis://localhost:7000/3', { ...plain, port: 7_000, database: 3 }],
    ['rediss://store.example:7001', { ...plain, host: 'store.example', port: 7_001, tls: true }],
    ['redis://phones@localhost', { ...plain, username: 'phones' }],
    ['redis://[::1]:7000', { ...plain, host: '::1', port: 7_000 }],
  ] as const;
  for (const [url, address] of understood)
    it(`understands ${url}`, () => assert.deepEqual(parseRedisUrl(url), address));

  it('understands memory:', () =>
    assert.deepEqual(storeChoice('memory:', undefined, {}), { url: 'memory:', password: undefined }));

  for (const url of [
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://localhost/phones',
    'redis://localhost/1/2',
    'redis://localhost?db=1',
  ]) {
    it(`refuses '${url}', and says what it wants`, () =>
      assert.throws(
        () => storeChoice(url, undefined, {}),
        (error) => error instanceof ServerError && error.fault === 'bad-option' && /redis:\/\/HOST/.test(error.message),
      ));
  }

  it('refuses a password, without repeating it', () => {
    assert.throws(
      () => storeChoice('redis://phones:a-secret-word@localhost', undefined, {}),
      (error) =>
        error instanceof ServerError &&
        /--store-password-file/.test(error.message) &&
        !error.message.includes('a-secret-word'),
    );
  });
});

describe('the password of --store', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-store-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(name: string, content: string, mode = 0o600): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  it('comes from its file', () =>
    assert.equal(storeChoice('redis://localhost', file('good', 'open-sesame-1\n'), {}).password, 'open-sesame-1'));

  it('comes from the systemd credential when no file is named', () => {
    file('server.store-password', 'open-sesame-2');
    assert.equal(
      storeChoice('redis://localhost', undefined, { CREDENTIALS_DIRECTORY: folder }).password,
      'open-sesame-2',
    );
  });

  it('is none when nothing names one', () =>
    assert.equal(storeChoice('redis://localhost', undefined, {}).password, undefined));

  const refused = [
    ['a file that is not there', () => join(folder, 'absent'), /there is no/],
    ['a file that others can read', () => file('open', 'open-sesame-3', 0o644), /chmod 600/],
    ['an empty file', () => file('empty', '\n'), /one word on one line/],
    ['a file of several lines', () => file('long', 'open sesame\nand more'), /one word on one line/],
    ['a folder', () => folder, /plain, short file/],
  ] as const;
  for (const [what, path, says] of refused) {
    it(`is refused from ${what}`, () =>
      assert.throws(
        () => storeChoice('redis://localhost', path(), {}),
        (error) => error instanceof ServerError && says.test(error.message) && !/sesame/.test(error.message),
      ));
  }
});
