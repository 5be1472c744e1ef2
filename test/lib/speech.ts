import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { framesOf } from '../../common/src/audio/framer.ts';
import { readWav } from '../../common/src/audio/wav.ts';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { ROOT } from '../../scripts/programs.ts';
import { joined } from './sound.ts';

/** Recorded speech, 16 kHz mono. */

/** Who speaks in `server-stub/voices`. */
export type Who = 'caller' | 'companion';

/** File names of the recordings, in order. */
export function clipNames(who: Who): string[] {
  return readdirSync(join(VOICES, who))
    .filter((name) => name.endsWith('.wav'))
    .sort();
}

/** @param name of the file */
export function clip(who: Who, name: string): Int16Array {
  return readWav(join(VOICES, who, name));
}

/** All recordings, each in frames of 20 ms. */
export function clips(who: Who): Int16Array[][] {
  return clipNames(who).map((name) => framesOf(clip(who, name)));
}

/** The same, one after the other without pauses. */
export function speechFrames(who: Who): Int16Array[] {
  return clips(who).flat();
}

/** The fixtures: a reader, in real recordings; whole frames. */
export function speech(): Int16Array {
  const all = joined(readings());
  return all.subarray(0, all.length - (all.length % FRAME_SAMPLES));
}

/** The same, recording by recording. */
export function readings(): Int16Array[] {
  return ['austen-1', 'austen-2'].map((name) => readWav(join(ROOT, `test/fixtures/speech/${name}.wav`)));
}

const VOICES = join(ROOT, 'server-stub/voices');
