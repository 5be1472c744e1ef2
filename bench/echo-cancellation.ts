import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SAMPLE_RATE } from '../protocol/src/index.ts';
import { SoundCard } from '../test/lib/sound-card.ts';
import { clip } from '../test/lib/speech.ts';
import type { Who } from '../test/lib/speech.ts';
import { mean } from '../test/lib/statistics.ts';
import { loadBoard } from '../device/src/settings/board-profile.ts';
import { options } from './lib/options.ts';
import { print } from './lib/result.ts';

/**
 * What the speakerphone profiles' echo canceller takes away: a companion's voice out of the speaker, through a
 * simulated room, into the microphone. The canceller is loaded with the very arguments of the board's echo.pa.
 *
 *   voice → phone_out ─ canceller → spk ─ monitor → reflections → micfeed ─ monitor → canceller → phone_in → measured
 */

const RAW = ['--raw', '--format=s16le', `--rate=${SAMPLE_RATE}`, '--channels=1', '--latency-msec=20'];
/** The direct way and three walls: delay in ms, and level. */
const REFLECTIONS = [
  [10, '-6dB'],
  [20, '-12dB'],
  [35, '-16dB'],
  [60, '-22dB'],
] as const;
/** The canceller has to find the room first. */
const LEARNING_S = 5;

const { json, seconds } = options({ seconds: 20 });
const helpers: ChildProcess[] = [];
let card: SoundCard | undefined;
let env: NodeJS.ProcessEnv = process.env;

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin?.on('error', () => {});
  helpers.push(child);
  return child;
}

function pactl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('pactl', args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`pactl ${args[1]}: ${stderr.trim()}`);
  return stdout;
}

/** Inside the sound server, for a program outside adds a tenth of a second that no room has. */
function simulateRoom(): void {
  for (const [latencyMs, volume] of REFLECTIONS) {
    const module = pactl(
      'load-module',
      'module-loopback',
      'source=spk.monitor',
      'sink=micfeed',
      `latency_msec=${latencyMs}`,
    ).trim();
    const input = pactl('list', 'sink-inputs')
      .split('Sink Input #')
      .find((each) => each.includes(`Owner Module: ${module}\n`));
    if (input === undefined) throw new Error('the sound server made no way from the speaker to the microphone');
    pactl('set-sink-input-volume', String(parseInt(input, 10)), volume);
  }
}

function record(source: string): () => Int16Array {
  const chunks: Buffer[] = [];
  start('pacat', ['-r', ...RAW, '-d', source]).stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => {
    const bytes = Buffer.concat(chunks);
    return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
  };
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
const powerDb = (samples: Int16Array): number =>
  10 * Math.log10(Math.max(1e-3, mean(Float64Array.from(samples, (sample) => sample * sample))));

/** Voice for so long, said over and over. */
function voice(once: Int16Array, samples: number): Buffer {
  return Buffer.from(Int16Array.from({ length: samples }, (_, index) => once[index % once.length]!).buffer);
}

/** @returns level at the microphone and level after the canceller, dB, while `play` plays */
async function levels(sink: string, who: Who, name: string): Promise<readonly [number, number]> {
  start('pacat', ['-p', ...RAW, '-d', sink]).stdin!.end(voice(clip(who, name), (seconds + LEARNING_S) * SAMPLE_RATE));
  await after(LEARNING_S * 1_000);
  const [microphone, phone] = [record('micfeed.monitor'), record('phone_in')];
  await after((seconds - 1) * 1_000);
  return [powerDb(microphone()), powerDb(phone())];
}

async function main(): Promise<void> {
  card = SoundCard.start();
  env = card.env;
  const { folder: board } = loadBoard('pi-4-speakerphone');
  const args = /aec_method=webrtc aec_args="([^"]+)"/.exec(readFileSync(join(board, 'echo.pa'), 'utf8'))![1]!;
  simulateRoom();
  // pactl wants the inner quotes as they stand in the file.
  pactl(
    'load-module',
    'module-echo-cancel',
    'sink_master=spk',
    'source_master=micfeed.monitor',
    'sink_name=phone_out',
    'source_name=phone_in',
    `rate=${SAMPLE_RATE}`,
    'channels=1',
    'use_master_format=0',
    'aec_method=webrtc',
    `aec_args="${args}"`,
  );
  await after(1_000);
  const echo = await levels('phone_out', 'companion', 'reply-company.wav');
  await after(1_500);
  const near = await levels('micfeed', 'caller', 'caller-garden.wav');
  print(
    {
      benchmark: 'echo-cancellation',
      method: `PulseAudio's WebRTC canceller as in hardware/kits/speakerphone/echo.pa; a direct way and three reflections up to 60 ms, ${seconds - 1} s after ${LEARNING_S} s of learning`,
      rows: [
        { what: "the companion's voice, left in the microphone", unit: 'dB', ours: echo[1], floor: echo[0] },
        { what: "the patient's own voice", unit: 'dB', ours: near[1], floor: near[0] },
      ].map((row) => ({ ...row, ratio: undefined })),
      notes: [
        `echo taken away: ${(echo[0] - echo[1]).toFixed(1)} dB; patient's voice changed by ${(near[1] - near[0]).toFixed(1)} dB`,
      ],
    },
    json,
  );
}

try {
  await main();
} catch (error) {
  process.stderr.write(`echo-cancellation: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  for (const helper of helpers) helper.kill('SIGKILL');
  card?.stop();
}
