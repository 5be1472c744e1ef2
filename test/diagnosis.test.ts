import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../device/src/diagnosis/finding.ts';
import { addDevice, exitOf, PHONE, startServer } from '../scripts/programs.ts';
import type { Credentials, RunningServer } from '../scripts/programs.ts';

describe('diagnosis on the real programs', function () {
  this.timeout(30_000);
  let folder: string;
  let server: RunningServer;
  let device: Credentials;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-doctor-'));
    server = await startServer(join(folder, 'server'), 'ignore');
    device = addDevice(join(folder, 'server'));
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  async function ask(
    command: string,
    identity: readonly string[],
    ...more: string[]
  ): Promise<{ code: number; text: string }> {
    const child = spawn(
      process.execPath,
      [
        PHONE,
        command,
        '--settings-file',
        join(folder, 'none.json'),
        '--audio',
        'null',
        '--control-socket',
        join(folder, 'none.sock'),
        ...identity,
        ...more,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const code = await exitOf(child);
    return { code, text };
  }

  const identity = (keyFile = device.keyFile): string[] => [
    '--server',
    server.url,
    '--ca-file',
    server.ca!,
    '--device-id',
    device.deviceId,
    '--api-key-file',
    keyFile,
  ];
  const byName = (text: string): Map<string, Finding> =>
    new Map((JSON.parse(text) as Finding[]).map((finding) => [finding.name, finding]));

  it('passes what is well, fails a microphone of zeros, and says so in its exit code', async () => {
    const { code, text } = await ask('doctor', identity(), '--json');
    const found = byName(text);
    for (const name of ['disk', 'sound card', 'name service', 'encryption', 'clock', 'key and link'])
      assert.equal(found.get(name)?.state, 'ok', `${name}: ${found.get(name)?.detail}`);
    assert.equal(found.get('microphone')?.state, 'fail');
    assert.equal(code, 1);
  });

  it('tells a wrong key from a wrong certificate', async () => {
    const wrong = join(folder, 'wrong.key');
    writeFileSync(wrong, 'a-key-that-nobody-knows', { mode: 0o600 });
    const refused = byName((await ask('self-test', identity(wrong), '--json')).text);
    assert.deepEqual([refused.get('encryption')?.state, refused.get('key and link')?.state], ['ok', 'fail']);
    assert.match(refused.get('key and link')!.detail, /does not know this API key/);
    const untrusted = byName(
      (
        await ask(
          'self-test',
          identity().filter((each, index, all) => each !== '--ca-file' && all[index - 1] !== '--ca-file'),
          '--json',
        )
      ).text,
    );
    assert.equal(untrusted.get('encryption')?.state, 'fail');
  });

  it('disturbs nobody when it tests itself', async () => {
    const { code, text } = await ask('self-test', identity(), '--json');
    assert.deepEqual(
      ['sound card', 'microphone', 'speaker'].map((name) => byName(text).get(name)?.state),
      ['skipped', 'skipped', 'skipped'],
    );
    assert.equal(code, 0);
  });

  it('writes one line a check for people, with what to do', async () => {
    const { text } = await ask('doctor', []);
    assert.match(text, /^fail {4}identity {8}server is set nowhere.*\n {24}→ give the phone/m);
  });

  it('bundles what helps, readable by its owner only, without the key', async () => {
    const file = join(folder, 'bundle.txt');
    const { code } = await ask('support-bundle', identity(), '--output', file);
    const text = readFileSync(file, 'utf8');
    assert.equal(code, 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(!text.includes(readFileSync(device.keyFile, 'utf8').trim()));
    for (const section of ['system', 'checks', 'status', 'settings', 'log'])
      assert.match(text, new RegExp(`^==== ${section}`, 'm'));
  });
});
