import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { wavOf } from '../../common/src/audio/wav.ts';
import { SAMPLE_RATE } from '../../protocol/src/index.ts';
import { addDevice } from '../../scripts/programs.ts';
import { Bench } from '../lib/real-server.ts';

/** What a technician or developer gets wrong: one clear line that says what to do, an exit code, no stack. */
describe('bad input to bestday-phone', function () {
  this.timeout(20_000);
  const bench = new Bench();
  before(() => bench.start());
  after(() => bench.stop());

  interface Row {
    readonly name: string;
    readonly args: () => string[];
    readonly says: RegExp;
    readonly exit: number;
    readonly device?: () => { deviceId: string; keyFile: string };
    readonly url?: string;
  }
  const file = (name: string, content: string | Buffer, mode = 0o600): string => {
    writeFileSync(bench.path(name), content, { mode });
    chmodSync(bench.path(name), mode);
    return bench.path(name);
  };
  const wav = (name: string, content: Buffer): string[] => ['--audio', 'file', '--input', file(name, content)];
  const quiet = (change: (wav: Buffer) => void): Buffer => {
    const bytes = wavOf([new Int16Array(SAMPLE_RATE)]);
    change(bytes);
    return bytes;
  };
  const at44100 = quiet((bytes) => bytes.writeUInt32LE(44_100, 24));
  const stereo = quiet((bytes) => bytes.writeUInt16LE(2, 22));
  const rows: readonly Row[] = [
    { name: 'a WAV at 44.1 kHz', args: () => wav('rate.wav', at44100), says: /44100 Hz.*sox/, exit: 1 },
    { name: 'a stereo WAV', args: () => wav('stereo.wav', stereo), says: /2 channel/, exit: 1 },
    {
      name: 'a file that is no WAV',
      args: () => wav('text.wav', Buffer.from('hello there')),
      says: /no WAV file/,
      exit: 1,
    },
    { name: 'an empty WAV', args: () => wav('empty.wav', Buffer.alloc(0)), says: /no WAV file/, exit: 1 },
    {
      name: 'a WAV that is not there',
      args: () => ['--audio', 'file', '--input', bench.path('nowhere.wav')],
      says: /nowhere\.wav/,
      exit: 1,
    },
    {
      name: 'an output that cannot be written',
      args: () => ['--audio', 'file', '--output', '/proc/out.wav'],
      says: /\/proc\/out\.wav/,
      exit: 1,
    },
    {
      name: 'no audio backend of that name',
      args: () => ['--audio', 'gramophone'],
      says: /audio.*gramophone.*portaudio/s,
      exit: 2,
    },
    { name: 'no codec of that name', args: () => ['--codec', 'mp3'], says: /codec.*mp3.*opus/s, exit: 2 },
    { name: 'a queue out of range', args: () => ['--max-queue-ms', '99999999'], says: /maxQueueMs.*99999999/, exit: 2 },
    { name: 'plain ws:// to another machine', args: () => ['--server', 'ws://192.0.2.1/'], says: /wss:/, exit: 2 },
    {
      name: 'a CA file that is none',
      args: () => ['--ca-file', file('ca.txt', 'no certificate')],
      says: /ca\.txt.*PEM/,
      exit: 2,
    },
    {
      name: 'a key file everybody can read',
      args: () => ['--api-key-file', file('open.key', 'a-key-of-some-length', 0o644)],
      says: /chmod/,
      exit: 2,
    },
    {
      name: 'a key file that is not there',
      args: () => ['--api-key-file', bench.path('nowhere.key')],
      says: /nowhere\.key/,
      exit: 2,
    },
    { name: 'a volume out of range', args: () => ['--volume', '11'], says: /--volume.*0 to 9/, exit: 2 },
    { name: 'an unknown option', args: () => ['--gramophone', '11'], says: /--gramophone/, exit: 1 },
    {
      name: 'a wrong key',
      args: () => ['--api-key-file', file('wrong.key', 'A'.repeat(43)), '--audio', 'null'],
      says: /refused/,
      exit: 1,
    },
    {
      name: "another device's key",
      args: () => ['--device-id', addDevice(bench.folder).deviceId, '--audio', 'null'],
      says: /refused/,
      exit: 1,
    },
    {
      name: 'a corrupt settings file',
      args: () => ['--settings-file', file('bad.json', '{"codec": '), '--audio', 'null', '--duration', '1'],
      says: /bad\.json/,
      exit: 0,
    },
    {
      name: 'a report that cannot be written',
      args: () => ['--report', '/proc/report.json', '--audio', 'null', '--duration', '1'],
      says: /report\.unwritten/,
      exit: 0,
    },
  ];
  for (const { name, args, says, exit } of rows) {
    it(name, async () => {
      const phone = bench.phone(args());
      assert.equal(await phone.exit, exit, phone.stderr);
      assert.match(phone.stderr, says);
      assert.doesNotMatch(phone.stderr, /\n\s+at /, 'no stack for what a person can mend');
      assert.ok(!phone.stderr.includes(readFileSync(bench.device.keyFile, 'utf8')));
    });
  }

  it('an unwritable settings file', async () => {
    mkdirSync(bench.path('folder.json'), { recursive: true });
    const phone = bench.phone(['--settings-file', bench.path('folder.json'), '--audio', 'null', '--duration', '1']);
    assert.equal(await phone.exit, 0, phone.stderr);
    assert.match(phone.stderr, /folder\.json/);
  });
});
