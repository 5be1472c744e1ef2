import { levelDb } from '../../../common/src/audio/level.ts';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { openAudio } from '../audio/backends.ts';
import { HumMeter, type HumReading } from '../audio/mains-hum.ts';
import type { AudioBackendName, AudioSettings } from '../audio/ports.ts';
import type { Check } from './finding.ts';
import { judgeMicrophone, judgeSpeaker } from './judges.ts';

/** Between the bands of speech and mains hum, and below what a cheap capsule loses. Hz */
const TONE_HZ = 1_000;
/** −18 dBFS: loud enough to be measured, not so loud as to startle whoever holds the handset. */
const TONE_AMPLITUDE = 4_100;
const SETTLE_MS = 500;
const LISTEN_MS = 1_000;
const CLIPPED = 32_700;

export interface SoundCheckOptions {
  readonly clock: Clock;
  readonly audio: 'auto' | AudioBackendName;
  readonly settings: AudioSettings;
}

interface Hearing {
  readonly description: string;
  readonly room: Int16Array;
  readonly tone: Int16Array;
}

/** Sound card, microphone and speaker: the card is opened once, as a call would open it. */
export function soundChecks(options: SoundCheckOptions): Check[] {
  let hearing: Promise<Hearing> | undefined;
  const hear = (): Promise<Hearing> => (hearing ??= listen(options));
  // A card that gates a quiet room hears the tone all the same.
  return [
    { name: 'sound card', disturbs: true, run: async () => ({ state: 'ok', detail: (await hear()).description }) },
    {
      name: 'microphone',
      disturbs: true,
      run: async () => {
        const { room, tone } = await hear();
        return judgeMicrophone(Math.max(levelDb(room), levelDb(tone)), clippedShare(room), humIn(room));
      },
    },
    {
      name: 'speaker',
      disturbs: true,
      run: async () => {
        const { room, tone } = await hear();
        return judgeSpeaker(toneDb(tone) - toneDb(room));
      },
    },
  ];
}

/** @throws {AudioError} when no card opens */
async function listen({ clock, audio, settings }: SoundCheckOptions): Promise<Hearing> {
  const frames: Int16Array[] = [];
  let rendered = 0;
  const toneFrom = (SETTLE_MS + LISTEN_MS) / FRAME_MS;
  // By name and not `auto`: silence that stands in for a card would pass for one.
  const stream = await firstOf(audio === 'auto' ? ['portaudio', 'alsa'] : [audio], (backend) =>
    openAudio(
      backend,
      {
        capture: (frame) => {
          frames.push(frame.slice());
        },
        render: (into) => {
          if (frames.length >= toneFrom) sine(into, rendered++);
          else into.fill(0);
        },
        failed: () => {},
      },
      settings,
    ),
  );
  const wanted = (2 * (SETTLE_MS + LISTEN_MS)) / FRAME_MS;
  const limitMs = clock.now() + 4 * (SETTLE_MS + LISTEN_MS);
  while (frames.length < wanted && clock.now() < limitMs)
    await new Promise<void>((resolve) => {
      clock.after(FRAME_MS, resolve);
    });
  await stream.close();
  return {
    description: stream.description,
    room: joined(frames.slice(SETTLE_MS / FRAME_MS, toneFrom)),
    tone: joined(frames.slice(toneFrom + SETTLE_MS / FRAME_MS, wanted)),
  };
}

async function firstOf<T>(
  backends: readonly AudioBackendName[],
  open: (backend: AudioBackendName) => Promise<T>,
): Promise<T> {
  const reasons: string[] = [];
  for (const backend of backends) {
    try {
      return await open(backend);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(
    `no sound card opens (${reasons.join('; ')}): is it plugged in? \`bestday-phone devices\` lists what is there`,
  );
}

function sine(into: Int16Array, frame: number): void {
  for (let index = 0; index < into.length; index++) {
    into[index] = Math.round(
      TONE_AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * (frame * FRAME_SAMPLES + index)) / SAMPLE_RATE),
    );
  }
}

function joined(frames: readonly Int16Array[]): Int16Array {
  const samples = new Int16Array(frames.length * FRAME_SAMPLES);
  frames.forEach((frame, index) => samples.set(frame, index * FRAME_SAMPLES));
  return samples;
}

/** Of the half second that is the quietest; undefined when the sound is shorter than that. */
export function humIn(samples: Int16Array): HumReading | undefined {
  const meter = new HumMeter();
  let quietest: HumReading | undefined;
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
    const reading = meter.add(samples.subarray(at, at + FRAME_SAMPLES));
    if (reading !== undefined && reading.levelDb < (quietest?.levelDb ?? Infinity)) quietest = reading;
  }
  return quietest;
}

export function clippedShare(samples: Int16Array): number {
  return samples.filter((sample) => Math.abs(sample) >= CLIPPED).length / Math.max(1, samples.length);
}

/** Power at the tone's frequency (Goertzel's algorithm), dBFS, −120 at the least. */
export function toneDb(samples: Int16Array): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * TONE_HZ) / SAMPLE_RATE);
  let before = 0;
  let last = 0;
  for (const sample of samples) [before, last] = [last, sample / 32_768 + coefficient * last - before];
  const power = (last ** 2 + before ** 2 - coefficient * last * before) / Math.max(1, samples.length / 2) ** 2;
  return Math.max(-120, 10 * Math.log10(power));
}
