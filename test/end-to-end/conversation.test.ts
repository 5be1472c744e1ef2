import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { readWav, wavOf } from '../../common/src/audio/wav.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { startRawServer } from './raw-server.ts';
import { Bench } from '../lib/real-server.ts';
import { amplitudeAt } from '../lib/signals.ts';

/** The two real programs, over real TLS on loopback. Each case takes a few seconds of real time, as talk does. */
describe('a conversation between the two programs', function () {
  this.timeout(30_000);
  const bench = new Bench();
  before(() => bench.start());
  after(() => bench.stop());

  for (const codec of ['opus', 'pcm'] as const) {
    it(`in ${codec}: the companion greets, the caller speaks, the companion answers`, async () => {
      const input = bench.path(`caller-${codec}.wav`);
      const output = bench.path(`heard-${codec}.wav`);
      // The caller cuts in after 2 s, speaks for a second and a half, and listens.
      writeFileSync(input, wavOf([silence(2), speech(), silence(5)]));
      const phone = bench.phone([
        '--audio',
        'file',
        '--codec',
        codec,
        '--input',
        input,
        '--output',
        output,
        '--duration',
        '8',
      ]);
      assert.equal(await phone.exit, 0, phone.stderr);
      const report = phone.report();
      assert.equal(report.endReason, 'duration');
      assert.equal(report.codec, codec);
      assert.equal(report.turns.length, 1);
      // How fast is for `npm run latency`; here it is answered, and not before the caller has ended.
      assert.ok(report.turns[0]!.latencyMs > 500, JSON.stringify(report.turns));
      assert.deepEqual(report.reconnects, []);
      assert.deepEqual(report.faults, {});
      assert.ok(Math.abs(report.frames.sent - 8 * 50) < 15, `sent ${report.frames.sent}`);
      assert.equal(report.frames.shed + report.frames.late + report.frames.duplicate + report.frames.concealed, 0);
      const heard = readWav(output);
      assert.ok(Math.abs(heard.length / SAMPLE_RATE - 8) < 0.3, `heard ${heard.length / SAMPLE_RATE} s`);
      assert.ok(level(heard.subarray(SAMPLE_RATE / 2, 2 * SAMPLE_RATE)) > 500, 'the greeting is heard');
      assertNeverDead(heard);
    });
  }

  it('speaks raw frames to a server that selects no subprotocol', async () => {
    const raw = await startRawServer(bench.folder);
    try {
      const input = bench.path('raw-tone.wav');
      const output = bench.path('raw-heard.wav');
      writeFileSync(input, wavOf([tone(440, 3)]));
      const phone = bench.phone(
        ['--audio', 'file', '--codec', 'pcm', '--input', input, '--output', output, '--duration', '3'],
        { server: raw },
      );
      assert.equal(await phone.exit, 0, phone.stderr);
      // The server sends back what it hears.
      const heard = readWav(output).subarray(SAMPLE_RATE, 2 * SAMPLE_RATE);
      // 90 % of the power and more is that tone.
      assert.ok(amplitudeAt(heard, 440) > Math.sqrt(2 * 0.9) * level(heard));
      assert.ok(raw.frames() > 130 && raw.sizes().every((size) => size === 640));
    } finally {
      await raw.stop();
    }
  });

  it('ends politely on SIGTERM, within 2 s, with exit code 0', async () => {
    const phone = bench.phone(['--audio', 'null']);
    await phone.line((line) => line.event === 'call.talking');
    const askedAt = performance.now();
    phone.process.kill('SIGTERM');
    assert.equal(await phone.exit, 0, phone.stderr);
    assert.ok(performance.now() - askedAt < 2_000);
    assert.equal(phone.report().endReason, 'shutdown');
  });

  it('ends within 2 s on SIGTERM even when the server has stopped answering', async () => {
    const frozen = new Bench();
    await frozen.start();
    try {
      const phone = frozen.phone(['--audio', 'null']);
      await phone.line((line) => line.event === 'call.talking');
      frozen.server.process.kill('SIGSTOP');
      const askedAt = performance.now();
      phone.process.kill('SIGTERM');
      assert.equal(await phone.exit, 0, phone.stderr);
      assert.ok(performance.now() - askedAt < 2_000);
    } finally {
      frozen.server.process.kill('SIGCONT');
      await frozen.stop();
    }
  });

  it('writes neither key nor words into its log', async () => {
    const phone = bench.phone(['--audio', 'null', '--duration', '3', '--log-level', 'debug']);
    await phone.exit;
    const key = readFileSync(bench.device.keyFile, 'utf8');
    assert.ok(!phone.stderr.includes(key));
    assert.doesNotMatch(phone.stderr, /good to hear|Bearer/i);
    assert.ok(phone.log.length > 3);
  });
});

function silence(seconds: number): Int16Array {
  // Room noise: a real microphone is never at digital zero.
  const random = seededRandom(1);
  return Int16Array.from({ length: seconds * SAMPLE_RATE }, () => Math.round((random() - 0.5) * 20));
}

function speech(): Int16Array {
  return readWav(new URL('../../server-stub/voices/caller/caller-weather.wav', import.meta.url).pathname).subarray(
    0,
    1.5 * SAMPLE_RATE,
  );
}

function tone(hertz: number, seconds: number): Int16Array {
  return Int16Array.from(
    { length: seconds * SAMPLE_RATE },
    (_, index) => 8_000 * Math.sin((2 * Math.PI * hertz * index) / SAMPLE_RATE),
  );
}

function level(samples: Int16Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** From the first frame on, no frame is digital silence. */
function assertNeverDead(heard: Int16Array): void {
  for (let at = FRAME_SAMPLES; at + FRAME_SAMPLES <= heard.length; at += FRAME_SAMPLES) {
    assert.ok(
      heard.subarray(at, at + FRAME_SAMPLES).some((sample) => sample !== 0),
      `dead air at ${at / SAMPLE_RATE} s`,
    );
  }
}
