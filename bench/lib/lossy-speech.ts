import { seededRandom, type Random } from '../../common/src/time/random.ts';
import { framesOf } from '../../common/src/audio/framer.ts';
import type { Decoder } from '../../common/src/codec/ports.ts';
import { LearnedComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { Ladder } from '../../common/src/concealment/ladder.ts';
import { joined } from '../../test/lib/sound.ts';
import { readings } from '../../test/lib/speech.ts';
import { aligned } from './align.ts';
import { stoi } from './quality.ts';

/** Real speech, a pattern of loss, and the ladder between them. */

export const PATTERNS = ['random', 'bursty'] as const;
export type Pattern = (typeof PATTERNS)[number];
const MEAN_BURST_FRAMES = 2.5;

/** The recordings twice over: what is said first serves the encoder and the comfort noise to settle. */
export function settledSpeech(): Int16Array[] {
  return [...readings(), ...readings()].flatMap(framesOf);
}

/** Two-state (Gilbert) for bursts: `rate` in the mean, bursts of 2.5 frames. The first frames always arrive. */
export function lossPattern(pattern: Pattern, rate: number, count: number, random: Random): boolean[] {
  const leave = 1 / MEAN_BURST_FRAMES;
  const enter = (rate * leave) / (1 - rate);
  let bad = false;
  return Array.from({ length: count }, (_, index) => {
    bad = pattern === 'random' ? random() < rate : bad ? random() >= leave : random() < enter;
    return bad && index > 10;
  });
}

/** What is heard of `packets` when some are lost. Closes the decoder. */
export function throughLadder(
  decoder: Decoder,
  packets: readonly Uint8Array[],
  lost: readonly boolean[],
  counters: FrameCounters,
): Int16Array {
  const ladder = new Ladder({ decoder, comfortNoise: new LearnedComfortNoise(seededRandom(1)), counters });
  const out = joined(
    packets.map((packet, index) =>
      lost[index] ? ladder.missing(lost[index + 1] ? undefined : packets[index + 1]) : ladder.received(packet),
    ),
  );
  decoder.close();
  return out;
}

/** Of the second, settled half. */
export function stoiToOriginal(speech: Int16Array, heard: Int16Array): number {
  const half = speech.length / 2;
  const { reference, heard: found } = aligned(speech.subarray(0, half), heard.subarray(half));
  return stoi(reference, found);
}
