import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../device/src/panel/control-client.ts';
import type { PhoneStatus } from '../device/src/panel/control-protocol.ts';
import { addDevice, exitOf, PHONE, startPhone, startServer } from '../scripts/programs.ts';
import type { Credentials, RunningServer } from '../scripts/programs.ts';

/** A phone that stands in a room, operated through its control socket; the real programs and the real server. */
describe('a standing phone', function () {
  this.timeout(20_000);
  let folder: string;
  let server: RunningServer;
  let device: Credentials;
  let phone: ChildProcess | undefined;
  let socket: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-stand-'));
    socket = join(folder, 'run/control.sock');
    server = await startServer(join(folder, 'server'), 'ignore');
    device = addDevice(join(folder, 'server'));
  });
  afterEach(async () => {
    phone?.kill('SIGTERM');
    if (phone) await exitOf(phone);
    phone = undefined;
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const start = async (...more: string[]): Promise<void> => {
    phone = startPhone(
      server,
      device,
      ['--controls', 'socket', '--control-socket', socket, '--audio', 'tone', ...more],
      ['ignore', 'ignore', 'ignore'],
      { ...process.env, XDG_CONFIG_HOME: folder },
    );
    await until(() => true);
  };

  /** Polls the real thing: its own time is what is under test. */
  async function until(holds: (status: PhoneStatus) => boolean): Promise<PhoneStatus> {
    for (let tries = 0; tries < 200; tries++) {
      const status = await ask(socket, { command: 'status' }).then(
        (answer) => (answer.ok ? answer.status : undefined),
        () => undefined,
      );
      if (status !== undefined && holds(status)) return status;
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    throw new Error('the phone never came to that state');
  }

  function metrics(): Promise<string> {
    return new Promise((resolve, reject) => {
      request({ socketPath: join(folder, 'run/metrics.sock'), path: '/metrics' }, (response) => {
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => {
            body += chunk;
          })
          .on('end', () => resolve(body));
      })
        .on('error', reject)
        .end();
    });
  }

  it('rests until it is lifted, talks, and is ready again after the hang-up', async () => {
    await start();
    const ready = await until(() => true);
    assert.deepEqual([ready.phase, ready.led, ready.lifted, ready.needsHelp], ['idle', 'ready', false, []]);
    assert.deepEqual(await ask(socket, { command: 'lift' }), { ok: true });
    const talking = await until(({ phase }) => phase === 'talking');
    assert.deepEqual([talking.led, talking.lifted, talking.sound?.split(':')[0]], ['talking', true, 'tone']);
    await ask(socket, { command: 'hangup' });
    const over = await until(({ phase, calls }) => phase === 'idle' && calls === 1);
    assert.deepEqual([over.led, over.lifted, over.lastCall?.endReason], ['ready', false, 'hangup']);
  });

  it('keeps its volume over a restart, and never below the floor', async () => {
    await start();
    assert.deepEqual(await ask(socket, { command: 'volume', level: 2 }), { ok: true, volume: 2 });
    for (let times = 0; times < 5; times++) await ask(socket, { command: 'volume', level: 'down' });
    assert.deepEqual(await ask(socket, { command: 'volume' }), { ok: true, volume: 0 });
    phone!.kill('SIGTERM');
    await exitOf(phone!);
    await start();
    assert.equal((await until(() => true)).volume, 0);
  });

  it('answers `status` in words and in JSON', async () => {
    await start();
    const words = spawnSync(process.execPath, [PHONE, 'status', '--control-socket', socket], { encoding: 'utf8' });
    assert.match(words.stdout, /^call\s+idle$/m);
    assert.equal(words.status, 0);
    const json = spawnSync(process.execPath, [PHONE, 'status', '--control-socket', socket, '--json'], {
      encoding: 'utf8',
    });
    assert.equal((JSON.parse(json.stdout) as PhoneStatus).controls, 'socket');
  });

  it('shows its metrics as Prometheus text, on a socket of its group only', async () => {
    await start();
    const text = await metrics();
    assert.match(text, /^bestday_phone_phase\{phase="idle"\} 1$/m);
    assert.match(text, /^# TYPE bestday_phone_calls_total counter$/m);
    for (const file of [socket, join(folder, 'run/metrics.sock')]) assert.equal(statSync(file).mode & 0o777, 0o660);
  });

  it('shows what a self-test found and read', async () => {
    await start();
    const env = {
      ...process.env,
      BESTDAY_SERVER: server.url,
      BESTDAY_CA_FILE: server.ca!,
      BESTDAY_DEVICE_ID: device.deviceId,
      BESTDAY_API_KEY_FILE: device.keyFile,
    };
    const tested = spawnSync(process.execPath, [PHONE, 'self-test', '--control-socket', socket], {
      encoding: 'utf8',
      env,
    });
    assert.equal(tested.status, 0, tested.stdout);
    const text = await metrics();
    for (const check of ['disk', 'name service', 'encryption', 'clock', 'key and link'])
      assert.match(text, new RegExp(`^bestday_phone_check_state\\{check="${check}"\\} [01]$`, 'm'));
    assert.match(text, /^bestday_phone_check_round_trip_seconds\{check="key and link"\} 0\.\d+$/m);
    assert.match(text, /^bestday_phone_check_free_bytes\{check="disk"\} \d+$/m);
    assert.doesNotMatch(text, /check_state\{check="speaker"\}/);
  });

  it('survives what is no command', async () => {
    await start();
    const answers = await new Promise<string>((resolve) => {
      const client = connect(socket);
      let text = '';
      client
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk;
        })
        .on('close', () => resolve(text));
      client.write(`{}\n[\n{"command":"volume","level":1e9}\n${'x'.repeat(40_000)}`);
    });
    assert.deepEqual(
      answers
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { ok: boolean }).ok),
      [false, false, false, false],
    );
    assert.equal((await until(() => true)).phase, 'idle');
  });

  it('does not start beside another one', async () => {
    await start();
    const second = startPhone(
      server,
      device,
      ['--controls', 'socket', '--control-socket', socket],
      ['ignore', 'ignore', 'pipe'],
    );
    let said = '';
    second.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    assert.equal(await exitOf(second), 1);
    assert.match(said, /a phone already runs here/);
  });

  it('waits for the identity it lacks, says so, and begins when it has it', async () => {
    const settings = join(folder, 'settings.json');
    phone = startPhone(
      server,
      { deviceId: device.deviceId, keyFile: join(folder, 'later.key') },
      ['--controls', 'socket', '--control-socket', socket, '--audio', 'null', '--settings-file', settings],
      ['ignore', 'ignore', 'ignore'],
    );
    const waiting = await until(({ needsHelp }) => needsHelp.length > 0);
    assert.match(waiting.needsHelp.join(), /later\.key/);
    assert.equal(waiting.led, 'needs-help');
    // Whoever lifts meanwhile is told, and the sound closes with the receiver.
    assert.deepEqual(await ask(socket, { command: 'lift' }), { ok: true });
    await until(({ lifted, sound }) => lifted && sound !== null);
    assert.deepEqual(await ask(socket, { command: 'hangup' }), { ok: true });
    await until(({ lifted, sound }) => !lifted && sound === null);
    writeFileSync(join(folder, 'later.key'), readFileSync(device.keyFile), { mode: 0o600 });
    const begun = await until(({ needsHelp }) => needsHelp.length === 0);
    assert.equal(begun.controls, 'socket');
    await until(() => true);
    assert.deepEqual(await ask(socket, { command: 'lift' }), { ok: true });
  });
});
