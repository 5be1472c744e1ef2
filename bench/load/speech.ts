import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { framesOf } from '../lib/speech.ts';
import { readWav } from '../../common/src/audio/wav.ts';
import { ROOT } from '../../scripts/programs.ts';

/** The caller's recordings, 16 kHz mono. */
export function callerClips(): Int16Array[] {
  const folder = join(ROOT, 'server-stub/voices/caller');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.wav'))
    .sort()
    .map((name) => readWav(join(folder, name)));
}

/** The same, each in frames of 20 ms. */
export function callerFrames(): Int16Array[][] {
  return callerClips().map(framesOf);
}
