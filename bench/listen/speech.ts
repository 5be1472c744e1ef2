import { framesOf } from '../../common/src/audio/framer.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { clip, clipNames } from '../../test/lib/speech.ts';

/** What the far end says, in frames of 320 samples, and when it begins to. */
export interface Utterance {
  readonly atMs: number;
  readonly frames: readonly Int16Array[];
}

const FIRST_AT_MS = 600;
const PAUSE_MS = 2_200;
const KINDS = ['greeting', 'reply', 'question'];

/** The companion's recordings, one after the other with pauses, until `seconds` are over. */
export function companionSpeech(seconds: number): Utterance[] {
  const names = clipNames('companion').filter((name) => KINDS.some((kind) => name.startsWith(kind)));
  const utterances: Utterance[] = [];
  for (let index = 0, atMs = FIRST_AT_MS; ; index++) {
    const frames = framesOf(clip('companion', names[index % names.length]!));
    const nextMs = atMs + frames.length * FRAME_MS + PAUSE_MS;
    if (nextMs > seconds * 1_000) return utterances;
    utterances.push({ atMs, frames });
    atMs = nextMs;
  }
}

/** −60 dBFS: a quiet room, for a live microphone is never digitally silent. */
const ROOM_PEAK = 57;

/** The same as one live stream, pauses and a room's noise included. @returns the frame at each 20 ms */
export function liveSpeech(utterances: readonly Utterance[], seconds: number, seed: number): Int16Array[] {
  const random = seededRandom(seed);
  const stream = Array.from({ length: (seconds * 1_000) / FRAME_MS }, () =>
    Int16Array.from({ length: FRAME_SAMPLES }, () => Math.round((2 * random() - 1) * ROOM_PEAK)),
  );
  for (const { atMs, frames } of utterances) {
    frames.forEach((frame, index) =>
      stream[atMs / FRAME_MS + index]!.forEach((noise, sample, into) => {
        into[sample] = noise + frame[sample]!;
      }),
    );
  }
  return stream;
}
