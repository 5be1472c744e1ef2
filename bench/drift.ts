import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { loadCodecs } from '../common/src/codec/codecs.ts';
import type { FrameCounters } from '../common/src/concealment/frame-counters.ts';
import { silentLog } from '../common/src/system/log.ts';
import { systemClock } from '../common/src/time/clock.ts';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '../protocol/src/index.ts';
import { build } from '../scripts/build.mjs';
import { exitOf, startPhone } from '../scripts/programs.ts';
import { putAheadOfOthers } from './lib/real-time.ts';
import { dryStretches, highBandLevels, loudestStepDb } from './lib/clicks.ts';
import { printColumns } from './lib/columns.ts';
import { options } from './lib/options.ts';
import { joined } from '../test/lib/sound.ts';
import { SoundCard } from '../test/lib/sound-card.ts';
import { median } from '../test/lib/statistics.ts';

/**
 * Clocks that drift, for real: a far end that sends live frames a little too fast or too slowly, the real phone, and
 * the virtual sound card's own clock. What the card plays is recorded and searched for clicks; what the phone holds
 * must stay where it was. Beside it, in the same minutes, a card into which a plain program plays the same tone: what
 * clicks there is the machine's.
 */

const { minutes, ppm, json } = options({ minutes: 5, ppm: 200 });
/** Whole periods in a frame, so each frame of the endless tone is the same. */
const TONE_HZ = 200;
const TONE_AMPLITUDE = 8_000;
const SETTLE_MS = 10_000;
/** Above the median of the recording: so much louder in the upper band, and it is heard as a click. */
const CLICK_DB = 20;
/** Of full scale, in samples. */
const ONE_PERCENT = 328;

interface Recorded {
  readonly clicks: number;
  /** Times the card had nothing to play (exact silence in the tone): the machine was too busy for it. */
  readonly cardDry: number;
  /** Above the median, as `onePercentStepDb`: what a jump by 1 % of full scale would read. */
  readonly loudestDb: number;
  readonly onePercentStepDb: number;
}

interface Drifted extends Recorded {
  readonly ppm: number;
  readonly queuedMs: { readonly first: number; readonly last: number; readonly least: number; readonly most: number };
  readonly uncorrectedMs: number;
  readonly concealed: number;
  readonly comfortNoise: number;
  readonly underruns: number;
}

const folder = mkdtempSync(join(tmpdir(), 'bestday-drift-'));
// Ended early, it leaves no phone, recorder or card behind.
const leftovers: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
process.once('exit', () => leftovers.reverse().forEach((clear) => clear()));
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

await build();
// The far end, the recorders and the sound cards must be on time as well as the phones; all are begun from here.
if (!putAheadOfOthers(process.pid))
  process.stderr.write('drift: not allowed to run ahead of other programs; a busy machine will show\n');
const keyFile = join(folder, 'key');
writeFileSync(keyFile, 'a-key-that-nobody-asks-for', { mode: 0o600 });
const codecs = await loadCodecs(silentLog);
const TONE = Int16Array.from({ length: FRAME_SAMPLES }, (_, at) =>
  Math.round(TONE_AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * at) / SAMPLE_RATE)),
);
const [alone, ...drifted] = await Promise.all([cardAlone(), drift(ppm), drift(-ppm)]);
report(alone, drifted);

/** A card that keeps its time whatever else the machine does, where that is allowed. */
function startCard(): SoundCard {
  const card = SoundCard.start();
  leftovers.push(() => card.stop());
  // PulseAudio gives up the priority it inherits.
  for (const pid of card.pids()) putAheadOfOthers(pid);
  return card;
}

async function cardAlone(): Promise<Recorded> {
  const card = startCard();
  const heard: Int16Array[] = [];
  try {
    card.listen('spk', (samples) => heard.push(samples));
    card.play('spk', () => TONE);
    await sleep(minutes * 60_000);
  } finally {
    card.stop();
  }
  return searched(joined(heard));
}

async function drift(driftPpm: number): Promise<Drifted> {
  const card = startCard();
  const heard: Int16Array[] = [];
  const queuedMs: number[] = [];
  let counters: FrameCounters | undefined;
  const farEnd = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
  farEnd.on('connection', (socket) => sendTone(socket, driftPpm));
  await once(farEnd, 'listening');
  try {
    card.listen('spk', (samples) => heard.push(samples));
    const phone = phoneAt(farEnd, card, driftPpm);
    leftovers.push(() => phone.kill('SIGKILL'));
    createInterface({ input: phone.stdio[3] as Readable }).on('line', (line) => {
      const event = JSON.parse(line) as { type: string; frames?: FrameCounters };
      if (event.type !== 'frames' || event.frames === undefined) return;
      counters = event.frames;
      queuedMs.push((counters.received - counters.played - counters.late) * FRAME_MS);
    });
    const code = await exitOf(phone);
    if (code !== 0 || counters === undefined)
      throw new Error(
        `the phone ended with ${code}: ${readFileSync(logOf(driftPpm), 'utf8').trim().split('\n').at(-1)}`,
      );
  } finally {
    for (const socket of farEnd.clients) socket.terminate();
    farEnd.close();
    card.stop();
  }
  return judged(driftPpm, joined(heard), queuedMs.slice(SETTLE_MS / 1_000, -2), counters);
}

/** Frame n is due at n × 20 ms of a clock that runs `driftPpm` fast. */
function sendTone(socket: WebSocket, driftPpm: number): void {
  const startMs = performance.now();
  const periodMs = FRAME_MS / (1 + driftPpm / 1e6);
  const encoder = codecs.encoder('opus');
  let sent = 0;
  const next = (): void => {
    if (socket.readyState !== socket.OPEN) return encoder.close();
    for (; startMs + sent * periodMs <= performance.now(); sent++) socket.send(encoder.encode(TONE), { binary: true });
    systemClock.after(startMs + sent * periodMs - performance.now(), next);
  };
  socket.on('error', () => {});
  next();
}

function phoneAt(farEnd: WebSocketServer, card: SoundCard, driftPpm: number): ReturnType<typeof startPhone> {
  const url = `ws://127.0.0.1:${(farEnd.address() as AddressInfo).port}/`;
  const args = [
    '--audio',
    'auto',
    '--duration',
    String(minutes * 60),
    '--settings-file',
    join(folder, `settings-${driftPpm}.json`),
    '--events-fd',
    '3',
  ];
  return startPhone(
    { url, ca: undefined },
    { deviceId: '00000000-0000-4000-8000-000000000001', keyFile },
    args,
    ['ignore', 'ignore', openSync(logOf(driftPpm), 'w'), 'pipe'],
    card.env,
  );
}

function logOf(driftPpm: number): string {
  return join(folder, `phone-${driftPpm}.log`);
}

function judged(driftPpm: number, samples: Int16Array, queuedMs: readonly number[], counters: FrameCounters): Drifted {
  return {
    ...searched(samples),
    ppm: driftPpm,
    queuedMs: {
      first: queuedMs[0]!,
      last: queuedMs.at(-1)!,
      least: Math.min(...queuedMs),
      most: Math.max(...queuedMs),
    },
    uncorrectedMs: (driftPpm / 1e6) * minutes * 60_000,
    concealed: counters.concealed,
    comfortNoise: counters.comfortNoise,
    underruns: counters.underrun,
  };
}

function searched(samples: Int16Array): Recorded {
  const tone = betweenTones(samples);
  const dry = dryStretches(tone);
  const levels = highBandLevels(tone, dry);
  const middle = median(levels);
  return {
    clicks: levels.filter((level) => level > middle + CLICK_DB).length,
    cardDry: dry.length,
    loudestDb: levels.reduce((most, level) => Math.max(most, level), -Infinity) - middle,
    onePercentStepDb: loudestStepDb(tone, ONE_PERCENT) - middle,
  };
}

/** From when everything has settled to shortly before the hang-up. */
function betweenTones(samples: Int16Array): Int16Array {
  const first = samples.findIndex((sample) => Math.abs(sample) > TONE_AMPLITUDE / 2);
  const last = samples.findLastIndex((sample) => Math.abs(sample) > TONE_AMPLITUDE / 2);
  return samples.subarray(first + (SETTLE_MS / 1_000) * SAMPLE_RATE, last - SAMPLE_RATE);
}

function report(alone: Recorded, drifted: readonly Drifted[]): void {
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ benchmark: 'drift', minutes, cardAlone: alone, drifted }, undefined, 2)}\n`,
    );
    return;
  }
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(0)}`;
  const soundOf = ({ clicks, cardDry, loudestDb, onePercentStepDb }: Recorded): string[] => [
    String(clicks),
    String(cardDry),
    `${loudestDb.toFixed(1)} dB`,
    `${onePercentStepDb.toFixed(1)} dB`,
  ];
  printColumns(
    `drift: ${minutes} min of a live tone at a clock that is off, through the real phone, on the virtual sound card`,
    [
      'far clock',
      'clicks',
      'card dry',
      'loudest',
      '1 % step',
      'queue first',
      'last',
      'least',
      'most',
      'uncorrected',
      'concealed',
      'noise',
      'underruns',
    ],
    [
      ['no phone: card alone', ...soundOf(alone), ...Array.from({ length: 8 }, () => '-')],
      ...drifted.map((each) => [
        `${signed(each.ppm)} ppm`,
        ...soundOf(each),
        ...[each.queuedMs.first, each.queuedMs.last, each.queuedMs.least, each.queuedMs.most].map((ms) => `${ms} ms`),
        `${signed(each.uncorrectedMs)} ms`,
        String(each.concealed),
        String(each.comfortNoise),
        String(each.underruns),
      ]),
    ],
    [
      `click: 10 ms over ${CLICK_DB} dB louder than the median above 3 kHz, where the tone has nothing; "1 % step": what a jump by 1 % of full scale would read`,
      'card dry: exact silence in the tone: the virtual card got no samples in time; a busy machine, and no click is counted at its edges',
      'queue: frames in the phone by its own count; "uncorrected" is how far it would have moved',
    ],
  );
}
