import { seededRandom } from '../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../protocol/src/index.ts';
import { loadCodecs } from '../common/src/codec/codecs.ts';
import { hasLbrr } from '../common/src/codec/opus-packet.ts';
import type { Decoder } from '../common/src/codec/ports.ts';
import { FlatComfortNoise, LearnedComfortNoise } from '../common/src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../common/src/concealment/frame-counters.ts';
import { Ladder } from '../common/src/concealment/ladder.ts';
import { accelerate, expand } from '../device/src/playout/time-stretch.ts';
import { Downlink } from '../device/src/downlink.ts';
import { silentLog } from '../common/src/system/log.ts';
import { options } from './lib/options.ts';
import { paired, print, type Row } from './lib/result.ts';
import { median } from '../test/lib/statistics.ts';
import { speechFrames } from '../test/lib/speech.ts';

/** What each rung of the ladder costs a frame, beside the decoder alone on the same packets. */

const { rounds, json } = options({ rounds: 15 });

const codecs = await loadCodecs(silentLog);
const frames = speechFrames('companion').slice(0, 1_000);
const encoder = codecs.encoder('opus', { bitrate: 32_000, inbandFec: true, expectedLoss: 10 });
const packets = frames.map((frame) => encoder.encode(frame));

/** µs a frame over all packets, the decoder or ladder fresh. */
type Pass = (decoder: Decoder) => void;

async function timed(pass: Pass): Promise<number> {
  await codecs.prepare(1);
  const decoder = codecs.decoder('opus');
  const startMs = performance.now();
  pass(decoder);
  const us = ((performance.now() - startMs) * 1_000) / packets.length;
  decoder.close();
  return us;
}

async function beside(what: string, ours: (ladder: Ladder) => void, floor: Pass): Promise<Row> {
  const withLadder: Pass = (decoder) =>
    ours(new Ladder({ decoder, comfortNoise: new LearnedComfortNoise(seededRandom(1)), counters: newFrameCounters() }));
  await timed(withLadder);
  await timed(floor);
  const pairs: (readonly [number, number])[] = [];
  for (let round = 0; round < rounds; round++) pairs.push([await timed(withLadder), await timed(floor)]);
  return paired(what, 'us', pairs);
}

async function alone(what: string, work: () => void): Promise<Row> {
  work();
  const list: number[] = [];
  for (let round = 0; round < rounds; round++) list.push(await timed(work));
  return { what, unit: 'us', ours: median(list) };
}

const LOST = (index: number) => index % 4 === 2;
const rows: Row[] = [
  await beside(
    'received',
    (ladder) => packets.forEach((packet) => ladder.received(packet)),
    (decoder) => packets.forEach((packet) => decoder.decode(packet)),
  ),
  await beside(
    'every fourth from FEC',
    (ladder) =>
      packets.forEach((packet, index) => (LOST(index) ? ladder.missing(packets[index + 1]) : ladder.received(packet))),
    (decoder) =>
      packets.forEach((packet, index) =>
        LOST(index) && packets[index + 1] && hasLbrr(packets[index + 1]!)
          ? decoder.recover(packets[index + 1]!)
          : decoder.decode(packet),
      ),
  ),
  await beside(
    'every fourth concealed',
    (ladder) => packets.forEach((packet, index) => (LOST(index) ? ladder.missing() : ladder.received(packet))),
    (decoder) => packets.forEach((packet, index) => (LOST(index) ? decoder.conceal() : decoder.decode(packet))),
  ),
  await beside(
    'gaps of eight: concealed, faded, noise',
    (ladder) => packets.forEach((packet, index) => (index % 16 < 8 ? ladder.received(packet) : ladder.missing())),
    (decoder) => packets.forEach((packet, index) => (index % 16 < 8 ? decoder.decode(packet) : decoder.conceal())),
  ),
  await alone('comfort noise, made', noise(LearnedComfortNoise)),
  await alone("comfort noise, the simulator's", noise(FlatComfortNoise)),
  await alone('comfort noise, learned from', learning()),
  await alone('speech, shortened by a pitch period', () =>
    frames.forEach((frame) => accelerate(frame, { quiet: false, hurry: false })),
  ),
  await alone('speech, stretched by a pitch period', () =>
    frames.forEach((frame) => expand(frame, { quiet: false, hurry: false })),
  ),
  await alone('the whole downlink but the sound', downlink()),
];

print(
  {
    benchmark: 'ladder-cost',
    method: `microseconds a frame of 20 ms over ${packets.length} frames of speech, median of ${rounds} rounds; the floor is the decoder alone`,
    rows,
  },
  json,
);

function noise(Kind: typeof LearnedComfortNoise | typeof FlatComfortNoise): () => void {
  const made = new Kind(seededRandom(1));
  const into = new Float32Array(FRAME_SAMPLES);
  return () => packets.forEach(() => made.fill(into));
}

function learning(): () => void {
  const learner = new LearnedComfortNoise(seededRandom(1));
  return () => frames.forEach((frame) => learner.learn(frame));
}

/** Queue, order, responses, counters: with a decoder that does nothing. */
function downlink(): () => void {
  const frame = new Int16Array(FRAME_SAMPLES);
  const nothing: Decoder = {
    codec: 'opus',
    decode: () => frame,
    recover: () => undefined,
    conceal: () => frame,
    close() {},
  };
  return () => {
    const line = new Downlink({
      decoderFor: () => nothing,
      random: seededRandom(1),
      comfortNoise: new FlatComfortNoise(seededRandom(1)),
      counters: newFrameCounters(),
      prompts: { next: () => undefined },
      onPlayback() {},
    });
    line.start('opus');
    line.responseStart('a', 0);
    const into = new Int16Array(FRAME_SAMPLES);
    packets.forEach((packet, index) => {
      line.receive(index, index * 960, false, packet, index * 20);
      line.render(into, index * 20);
    });
  };
}
