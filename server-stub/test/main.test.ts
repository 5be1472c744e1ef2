import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from '../../scripts/build.mjs';
import { temporaryFolder } from './support/live-server.ts';

/** The program as it is shipped; its start from source would take this suite half a minute. */
const PROGRAM = join(import.meta.dirname, '../../dist/bestday-server.cjs');

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs `bestday-server` to its end, or sends SIGTERM once it listens. */
async function command(...args: readonly string[]): Promise<Outcome> {
  return ended(started(args), (child) => void child.kill('SIGTERM'));
}

function started(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** @param listening called once, when the server says where it listens */
async function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
  listening: (child: ChildProcess) => void,
): Promise<Outcome> {
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const before = output;
    output += chunk.toString();
    if (!before.includes('listening on') && output.includes('listening on')) listening(child);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output, errors };
}

describe('bestday-server', function () {
  this.timeout(30_000);
  let data: string;

  before(async () => {
    await build();
    data = await temporaryFolder();
  });
  after(() => rm(data, { recursive: true }));

  it('listens, says where in one line, and ends with 0 at SIGTERM', async () => {
    const { code, output } = await command('--port', '0', '--data', data);
    assert.match(output, /^listening on wss:\/\/127\.0\.0\.1:\d+\/v1\/conversations\/connect, CA \/.*\/ca\.pem\n$/);
    assert.equal(code, 0);
    assert.match(await readFile(join(data, 'ca.pem'), 'utf8'), /BEGIN CERTIFICATE/);
  });

  it('speaks plainly on loopback when told so', async () => {
    const { code, output } = await command('--port', '0', '--no-tls', '--data', data);
    assert.match(output, /^listening on ws:\/\/127\.0\.0\.1:\d+\/v1\/conversations\/connect\n$/);
    assert.equal(code, 0);
  });

  it('says where its metrics are, when it is told to have some', async () => {
    const { output } = await command('--port', '0', '--admin-port', '0', '--data', data);
    assert.match(output, /^listening on wss:.*\nmetrics on http:\/\/127\.0\.0\.1:\d+\/metrics\n$/);
  });

  it('goes on after a hang-up', async () => {
    let alive = false;
    const { code } = await ended(started(['--port', '0', '--data', data]), (child) => {
      child.kill('SIGHUP');
      setTimeout(() => {
        alive = child.exitCode === null && child.signalCode === null;
        child.kill('SIGTERM');
      }, 500);
    });
    assert.ok(alive);
    assert.equal(code, 0);
  });

  it('keeps every device of eight that are added at once', async () => {
    const added = await Promise.all(Array.from({ length: 8 }, () => command('device', 'add', '--data', data)));
    const listed = (await command('device', 'list', '--data', data)).output;
    for (const { output } of added) assert.ok(listed.includes(/[0-9a-f-]{36}/.exec(output)![0]), output);
  });

  it('asks about a folder that is not there without making it', async () => {
    const nowhere = join(data, 'nowhere');
    assert.deepEqual(await command('device', 'list', '--data', nowhere), { code: 0, output: '', errors: '' });
    assert.match((await command('device', 'remove', 'x', '--data', nowhere)).errors, /no device 'x'/);
    await assert.rejects(readFile(nowhere), /ENOENT/);
  });

  it('keeps how long a patient may pause, and shows it', async () => {
    const { output } = await command('device', 'add', '--data', data);
    const id = /[0-9a-f-]{36}/.exec(output)?.[0] ?? assert.fail(output);
    assert.equal(
      (await command('device', 'set', id, '--patience-ms', '2000', '--data', data)).output,
      `${id}  patience 2000 ms, from its next conversation on\n`,
    );
    assert.match((await command('device', 'list', '--data', data)).output, new RegExp(`${id}.*patience 2000 ms`));
    const refused = await command('device', 'set', id, '--patience-ms', '20', '--data', data);
    assert.match(refused.errors, /--patience-ms: want a whole number of ms from 300 to 10000/);
    assert.equal(refused.code, 2);
  });

  it('adds, lists and removes devices, wherever --data stands', async () => {
    const added = await command('device', 'add', '--data', data);
    const [, id, key] = /^id {2}([0-9a-f-]{36})\nkey ([\w-]{43})\n$/.exec(added.output) ?? assert.fail(added.output);
    const listed = await command('--data', data, 'device', 'list');
    assert.ok(listed.output.includes(id!) && !listed.output.includes(key!));
    assert.equal((await command('device', 'remove', id!, '--data', data)).code, 0);
    assert.ok(!(await command('device', 'list', '--data', data)).output.includes(id!));
  });

  it('adds a device of a given id', async () => {
    const id = '11111111-2222-4333-8444-555555555555';
    assert.ok((await command('device', 'add', '--id', id, '--data', data)).output.startsWith(`id  ${id}\n`));
  });

  const mistakes: readonly { name: string; args: (data: string) => readonly string[]; code: number; says: RegExp }[] = [
    { name: 'no port', args: (data) => ['--data', data], code: 2, says: /--port is missing/ },
    { name: 'a port that is none', args: () => ['--port', '99999'], code: 2, says: /0 to 65535/ },
    { name: 'an unknown option', args: () => ['--prot', '0'], code: 2, says: /unknown option/ },
    {
      name: 'several processes on a store that is in one of them',
      args: (data) => ['--port', '0', '--no-tls', '--processes', '2', '--store', 'memory:', '--data', data],
      code: 2,
      says: /--processes needs a --store that processes share/,
    },
    {
      name: 'half a TLS pair',
      args: (data) => ['--port', '0', '--tls-cert', join(data, 'server.pem'), '--data', data],
      code: 2,
      says: /--tls-key/,
    },
    {
      name: 'the other half',
      args: (data) => ['--port', '0', '--tls-key', join(data, 'server-key.pem'), '--data', data],
      code: 2,
      says: /--tls-cert/,
    },
    {
      name: 'TLS files and none',
      args: (data) => ['--port', '0', '--no-tls', '--tls-key', 'x', '--data', data],
      code: 2,
      says: /choose one/,
    },
    {
      name: 'a TLS file that is not there',
      args: (data) => ['--port', '0', '--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.pem', '--data', data],
      code: 1,
      says: /nowhere\.pem cannot be read/,
    },
    {
      name: 'TLS files that are none',
      args: (data) => [
        '--port',
        '0',
        '--tls-cert',
        join(data, 'junk'),
        '--tls-key',
        join(data, 'junk'),
        '--data',
        data,
      ],
      code: 1,
      says: /do not make a pair/,
    },
    {
      name: 'no TLS for the whole network',
      args: (data) => ['--port', '0', '--no-tls', '--host', '0.0.0.0', '--data', data],
      code: 2,
      says: /only for loopback/,
    },
    {
      name: 'a host that is not here',
      args: (data) => ['--port', '0', '--host', '192.0.2.1', '--data', data],
      code: 1,
      says: /no address of this machine/,
    },
    {
      name: 'a data folder that cannot be',
      args: () => ['--port', '0', '--data', '/dev/null/x'],
      code: 1,
      says: /--data/,
    },
    {
      name: 'a device id that is none',
      args: (data) => ['device', 'add', '--id', 'kitchen', '--data', data],
      code: 2,
      says: /no UUID/,
    },
    {
      name: 'a language that is none',
      args: (data) => ['device', 'set', 'kitchen', '--language', 'Klingonese', '--data', data],
      code: 2,
      says: /--language: .*such as en or pt-BR/,
    },
    {
      name: 'a vendor in plain text',
      args: (data) => ['--port', '0', '--llm', 'openai', '--llm-url', 'http://llm.example/v1', '--data', data],
      code: 2,
      says: /--llm-url: .*plain text.*--allow-plaintext llm\.example/,
    },
    {
      name: 'a store in plain text',
      args: (data) => ['--port', '0', '--store', 'redis://store.example', '--data', data],
      code: 2,
      says: /--store: .*rediss:\/\/.*--allow-plaintext store\.example/,
    },
    { name: 'no calls', args: () => ['--port', '0', '--calls-per-minute', '0'], code: 2, says: /from 1 to 1000000/ },
    {
      name: 'an unknown device',
      args: (data) => ['device', 'remove', 'kitchen', '--data', data],
      code: 1,
      says: /device list/,
    },
  ];
  for (const { name, args, code, says } of mistakes) {
    it(`${name}: says what to do, ends with ${code}`, async () => {
      await writeFile(join(data, 'junk'), 'junk');
      const outcome = await command(...args(data));
      assert.match(outcome.errors, says);
      assert.equal(outcome.code, code);
      assert.doesNotMatch(outcome.errors, /\n\s+at /, 'no stack trace');
    });
  }

  it('a port in use: says so, ends with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, errors } = await command('--port', String(port), '--data', data);
    other.close();
    assert.match(errors, new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use`));
    assert.equal(code, 1);
  });

  it('a list of devices that was spoiled: says so, ends with 1', async () => {
    const file = join(data, 'devices.json');
    await writeFile(file, '{');
    await chmod(file, 0o600);
    const { code, errors } = await command('device', 'list', '--data', data);
    await rm(file);
    assert.match(errors, /devices\.json cannot be read/);
    assert.equal(code, 1);
  });

  for (const option of ['--help', '--version']) {
    it(`${option} ends with 0`, async () => {
      const { code, output } = await command(option);
      assert.equal(code, 0);
      assert.notEqual(output, '');
    });
  }
});
