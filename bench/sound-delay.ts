import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../scripts/build.mjs';
import { exitOf } from '../scripts/programs.ts';
import { FRAME_MS, SAMPLE_RATE } from '../protocol/src/index.ts';
import { BenchServer } from './lib/bench-server.ts';
import { Delays, MarkDetector, markFrame } from './lib/marks.ts';
import { encoded, nativeOpusFile, newNativeOpus, openNativeOpus } from './lib/native-opus.ts';
import { options } from './lib/options.ts';
import { daemonCommand, provide } from './lib/programs.ts';
import { print } from './lib/result.ts';
import type { Row } from './lib/result.ts';
import { SoundCard } from '../test/lib/sound-card.ts';

/**
 * What the phone adds between the sound card and the wire. Marks are played into the virtual microphone and heard
 * at the server; others are sent by the server and heard from the virtual speaker. The card's own delay, from
 * a program that plays to a program that listens with no phone between them, is measured in the same seconds.
 */

const { marks, json } = options({ marks: 20 });
const BACKENDS = ['portaudio', 'alsa'] as const;
/** A mark a second, and between two of the server's one of the floor's. */
const LOOP_FRAMES = 1_000 / FRAME_MS;
/** What comes later is no answer to this mark. */
const LATEST_MS = 450;
const SETTLE_MS = 4_000;

const native = openNativeOpus(nativeOpusFile());
await build();
const folder = mkdtempSync(join(tmpdir(), 'bestday-bench-'));
const card = SoundCard.start();
try {
  const rows: Row[] = [];
  for (const backend of BACKENDS) rows.push(...(await measure(backend)));
  print(
    {
      benchmark: 'sound-delay',
      method: `virtual sound card, Opus over wss on loopback; median of ${marks} marks each way`,
      rows,
      notes: [
        'microphone to wire: a sample played into the card until the packet that holds it is at the server (a frame is 20 ms long)',
        'wire to speaker: a packet sent live by the server until another program hears its first sample',
        "floor: the card alone, from a program that plays to one that listens; the difference is the phone's",
      ],
    },
    json,
  );
} finally {
  card.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(backend: string): Promise<Row[]> {
  const microphone = new Delays(LATEST_MS);
  const microphoneFloor = new Delays(LATEST_MS);
  const speaker = new Delays(LATEST_MS);
  const speakerFloor = new Delays(LATEST_MS);
  let firstFrameMs: number | undefined;
  let floorMarkDue = false;

  const decoder = newNativeOpus(native);
  const atServer = new MarkDetector(() => microphone.heard());
  const loop = Array.from({ length: LOOP_FRAMES }, (_, index) => markFrame(index === 0 ? 0 : undefined));
  const server = await BenchServer.start({
    packets: encoded(loop, nativeOpusFile()),
    onFrame: (payload) => {
      firstFrameMs ??= performance.now();
      atServer.push(samplesOf(decoder.decode(payload)));
    },
    onSend: (index) => {
      if (index % LOOP_FRAMES === 0) speaker.sent(performance.now());
      if (index % LOOP_FRAMES === LOOP_FRAMES / 2) floorMarkDue = true;
    },
  });
  provide(folder, server.ca);

  const fromSpeaker = new MarkDetector(() => {
    if (!speaker.heard()) speakerFloor.heard();
  });
  const fromMicrophone = new MarkDetector(() => microphoneFloor.heard());
  card.listen('spk', (samples) => fromSpeaker.push(samples));
  card.listen('micfeed', (samples) => fromMicrophone.push(samples));
  card.play('spk', () => {
    if (!floorMarkDue) return markFrame();
    floorMarkDue = false;
    speakerFloor.sent(performance.now());
    return markFrame(0);
  });
  let frame = 0;
  card.play('micfeed', () => {
    if (++frame % LOOP_FRAMES !== 0) return markFrame();
    // Anywhere in the card's blocks and the phone's frames, evenly.
    const at = ((frame / LOOP_FRAMES) * 97) % 160;
    const sentMs = performance.now() + (at * 1_000) / SAMPLE_RATE;
    microphone.sent(sentMs);
    microphoneFloor.sent(sentMs);
    return markFrame(at);
  });

  const startMs = performance.now();
  const daemon = spawn(process.execPath, [...daemonCommand(server.url('/live/20'), folder), '--audio', backend], {
    stdio: 'ignore',
    env: card.env,
  });
  await sleep(SETTLE_MS);
  for (const delays of [microphone, microphoneFloor, speaker, speakerFloor]) delays.forget();
  await sleep(marks * 1_000);
  daemon.kill('SIGTERM');
  await exitOf(daemon);
  card.silence();
  await server.close();
  if (firstFrameMs === undefined) throw new Error(`with --audio ${backend} no frame came to the server`);
  return [
    { what: `${backend}: microphone to wire`, unit: 'ms', ours: microphone.median(), floor: microphoneFloor.median() },
    { what: `${backend}: wire to speaker`, unit: 'ms', ours: speaker.median(), floor: speakerFloor.median() },
    { what: `${backend}: process start to first frame`, unit: 'ms', ours: firstFrameMs - startMs },
  ];
}

function samplesOf(bytes: Buffer): Int16Array {
  return new Int16Array(new Uint8Array(bytes).buffer);
}
