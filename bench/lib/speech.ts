import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWav } from '../../common/src/audio/wav.ts';
import { FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { ROOT } from '../../scripts/programs.ts';
import { newNativeOpus, openNativeOpus } from './native-opus.ts';

/** 20 ms frames of the caller's or the companion's recorded clips, one after the other, without pauses. */
export function speechFrames(who: 'caller' | 'companion'): Int16Array[] {
  const folder = join(ROOT, 'server-stub/voices', who);
  const clips = readdirSync(folder)
    .filter((name) => name.endsWith('.wav'))
    .sort()
    .map((name) => readWav(join(folder, name)));
  return clips.flatMap(framesOf);
}

export function framesOf(samples: Int16Array): Int16Array[] {
  return Array.from({ length: Math.floor(samples.length / FRAME_SAMPLES) }, (_, index) =>
    samples.slice(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES),
  );
}

/** As Opus packets of a call on a clean link. */
export function encoded(frames: readonly Int16Array[], nativeOpus: string): Buffer[] {
  const opus = newNativeOpus(openNativeOpus(nativeOpus));
  return frames.map((frame) => opus.encode(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)));
}

/** The caller's clips over and over, as a 16 kHz mono 16-bit WAV of at least `seconds`. */
export function writeSpeech(path: string, seconds: number): void {
  const once = speechFrames('caller');
  const frames = Array.from(
    { length: Math.ceil((seconds * SAMPLE_RATE) / FRAME_SAMPLES) },
    (_, index) => once[index % once.length]!,
  );
  const header = Buffer.from('RIFF____WAVEfmt \x10\0\0\0\x01\0\x01\0____\0\0\0\0\x02\0\x10\0data____', 'latin1');
  const bytes = frames.length * FRAME_SAMPLES * 2;
  header.writeUInt32LE(36 + bytes, 4);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt32LE(bytes, 40);
  writeFileSync(path, Buffer.concat([header, ...frames.map((frame) => Buffer.from(frame.buffer))]));
}
