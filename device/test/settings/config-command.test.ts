import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configCommand } from '../../src/settings/config-command.ts';
import type { ConfigRequest } from '../../src/settings/config-command.ts';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';

const KEY = 'k-1234567890-abcdef';

describe('config command', () => {
  let folder: TemporaryFolder;
  let settingsFile: string;
  beforeEach(() => {
    folder = new TemporaryFolder();
    settingsFile = folder.at('deep/er/settings.json');
  });
  afterEach(() => folder.remove());

  const config = (request: ConfigRequest, env: NodeJS.ProcessEnv = {}) => configCommand(request, { env, settingsFile });
  const set = (name: string, value: string, stdin = false) => config({ action: 'set', name, value, stdin });
  const get = async (name: string) => (await config({ action: 'get', name })).output;

  it('sets what it then gets, with its type', async () => {
    const { exitCode, output } = await set('bitrate', '24000');
    assert.deepEqual([exitCode, output], [0, `bitrate = 24000 (in ${settingsFile})\n`]);
    assert.equal(await get('bitrate'), '24000\n');
    assert.deepEqual(JSON.parse(readFileSync(settingsFile, 'utf8')), { bitrate: 24_000 });
  });

  it('keeps the other settings, and unknown ones of a newer version', async () => {
    await set('codec', 'pcm');
    writeFileSync(settingsFile, JSON.stringify({ codec: 'pcm', newer: [1] }));
    await set('language', 'de');
    assert.deepEqual(JSON.parse(readFileSync(settingsFile, 'utf8')), { codec: 'pcm', newer: [1], language: 'de' });
  });

  it("by root in another user's folder reads and writes with that user's rights", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const NOBODY = 65_534;
    chmodSync(folder.path, 0o711);
    const theirs = folder.at('theirs');
    mkdirSync(theirs);
    chownSync(theirs, NOBODY, NOBODY);
    settingsFile = join(theirs, 'settings.json');
    await set('language', 'de');
    const { uid, gid, mode } = statSync(settingsFile);
    assert.deepEqual([uid, gid, mode & 0o777], [NOBODY, NOBODY, 0o600]);
    // They lead root to a file that is not theirs.
    const roots = folder.at('roots.json');
    writeFileSync(roots, '{"language":"fr"}', { mode: 0o600 });
    rmSync(settingsFile);
    symlinkSync(roots, settingsFile);
    assert.match((await set('codec', 'pcm')).errors, /cannot be read \(EACCES\)/);
    assert.equal(readFileSync(roots, 'utf8'), '{"language":"fr"}');
    assert.equal(process.geteuid!(), 0);
  });

  it('mends a file with a wrong value by setting that one', async () => {
    await set('codec', 'pcm');
    writeFileSync(settingsFile, '{"codec":"mp3"}');
    assert.match(
      (await config({ action: 'get', name: 'codec' })).errors,
      /^warning: codec: "mp3" \(from .*\) is not allowed/,
    );
    await set('codec', 'pcm');
    assert.deepEqual(await config({ action: 'get', name: 'codec' }), { output: 'pcm\n', errors: '', exitCode: 0 });
  });

  it('takes the key from standard input, into a file of mode 0600, and shows it nowhere', async () => {
    await set('codec', 'pcm');
    writeFileSync(settingsFile, '{}', { mode: 0o644 });
    const results = [
      await set('apiKey', `${KEY}\n`, true),
      await config({ action: 'get', name: 'apiKey' }),
      await config({ action: 'list' }),
    ];
    assert.equal(statSync(settingsFile).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(settingsFile, 'utf8')), { apiKey: KEY });
    assert.ok(!JSON.stringify(results).includes(KEY));
    assert.equal(results[1]?.output, '(set, not shown)\n');
  });

  it('lists every stored setting with its value, origin and meaning', async () => {
    await set('codec', 'pcm');
    const { output } = await config({ action: 'list' }, { BESTDAY_LANGUAGE: 'fr' });
    assert.ok(output.startsWith(`${settingsFile}\n`));
    assert.match(output, /^codec +pcm +settings file +codec to ask/m);
    assert.match(output, /^language +fr +environment /m);
    assert.match(output, /^server +not set /m);
    assert.doesNotMatch(output, /^durationSeconds/m);
  });

  const refusals: [string, ConfigRequest, RegExp][] = [
    ['a key as an argument', { action: 'set', name: 'apiKey', value: KEY, stdin: false }, /--stdin < FILE/],
    ['a key that is none', { action: 'set', name: 'apiKey', value: 'short', stdin: true }, /8 to 512 visible/],
    [
      'a value that is not allowed',
      { action: 'set', name: 'codec', value: 'mp3', stdin: false },
      /^codec: "mp3" \(from config set\) is not allowed; it must be one of opus, pcm/,
    ],
    [
      'a name there is not',
      { action: 'set', name: 'colour', value: 'red', stdin: false },
      /^there is no setting 'colour'; there are server, /,
    ],
    ['a name that JavaScript knows', { action: 'get', name: 'constructor' }, /^there is no setting 'constructor'/],
    ['what belongs to one run', { action: 'set', name: 'durationSeconds', value: '3', stdin: false }, /--duration/],
  ];
  for (const [what, request, says] of refusals) {
    it(`refuses ${what}`, async () => {
      const { output, errors, exitCode } = await config(request);
      assert.deepEqual([output, exitCode], ['', 1]);
      assert.match(errors, says);
      assert.ok(!errors.includes(KEY));
    });
  }

  it('says what to do when the file cannot be written', async () => {
    settingsFile = `${folder.write('file', '')}/settings.json`;
    const { errors, exitCode } = await set('codec', 'pcm');
    assert.equal(exitCode, 1);
    assert.match(errors, /file\/settings\.json cannot be (read|written) \(E\w+\): .*--settings-file/);
  });

  it('does not overwrite a file that it cannot understand', async () => {
    settingsFile = folder.write('settings.json', '{"codec":');
    const { errors, exitCode } = await set('codec', 'pcm');
    assert.equal(exitCode, 1);
    assert.match(errors, /is not one JSON object/);
    assert.equal(readFileSync(settingsFile, 'utf8'), '{"codec":');
  });
});
