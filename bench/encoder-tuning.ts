import { seededRandom } from '../common/src/time/random.ts';
import { loadCodecs } from '../common/src/codec/codecs.ts';
import type { EncoderTuning } from '../common/src/codec/ports.ts';
import { LossTuner } from '../common/src/codec/tuning.ts';
import { newFrameCounters } from '../common/src/concealment/frame-counters.ts';
import { silentLog } from '../common/src/system/log.ts';
import { printColumns } from './lib/columns.ts';
import { lossPattern, settledSpeech, stoiToOriginal, throughLadder } from './lib/lossy-speech.ts';
import { joined } from '../test/lib/sound.ts';
import { options } from './lib/options.ts';

/** Which settings of the encoder serve best at which loss, by STOI to the original; what the device's table does is marked. */

const { runs, json } = options({ runs: 6 });
const RATES = [0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
const TUNINGS: readonly EncoderTuning[] = [
  { bitrate: 24_000, inbandFec: false, expectedLoss: 0 },
  { bitrate: 24_000, inbandFec: true, expectedLoss: 10 },
  { bitrate: 32_000, inbandFec: false, expectedLoss: 0 },
  { bitrate: 32_000, inbandFec: true, expectedLoss: 5 },
  { bitrate: 32_000, inbandFec: true, expectedLoss: 10 },
  { bitrate: 32_000, inbandFec: true, expectedLoss: 20 },
  { bitrate: 40_000, inbandFec: true, expectedLoss: 10 },
];

const codecs = await loadCodecs(silentLog);
const frames = settledSpeech();
const speech = joined(frames);
const rows: { tuning: EncoderTuning; scores: number[] }[] = [];
for (const tuning of TUNINGS) rows.push({ tuning, scores: await scoresOf(tuning) });

if (json)
  process.stdout.write(`${JSON.stringify({ benchmark: 'encoder-tuning', runs, rates: RATES, rows }, undefined, 2)}\n`);
else {
  printColumns(
    `encoder-tuning: STOI to the original under random loss, ${runs} runs a cell; * is what the device chooses there`,
    ['', ...RATES.map((rate) => `${rate * 100} %`)],
    rows.map(({ tuning, scores }) => [
      nameOf(tuning),
      ...scores.map((score, index) => `${score.toFixed(4)}${chosen(tuning, RATES[index]!) ? '*' : ' '}`),
    ]),
  );
}

async function scoresOf(tuning: EncoderTuning): Promise<number[]> {
  const encoder = codecs.encoder('opus', tuning);
  const packets = frames.map((frame) => encoder.encode(frame));
  encoder.close();
  const scores: number[] = [];
  for (const rate of RATES) {
    let sum = 0;
    for (let run = 0; run < runs; run++) {
      await codecs.prepare(1);
      const lost = lossPattern('random', rate, packets.length, seededRandom(run + 1));
      sum += stoiToOriginal(speech, throughLadder(codecs.decoder('opus'), packets, lost, newFrameCounters()));
    }
    scores.push(sum / runs);
  }
  return scores;
}

function chosen(tuning: EncoderTuning, rate: number): boolean {
  const tuner = new LossTuner();
  for (let second = 0; second < 60; second++) tuner.report(rate);
  return nameOf(tuner.tuning) === nameOf(tuning);
}

function nameOf({ bitrate, inbandFec, expectedLoss }: EncoderTuning): string {
  return `${bitrate / 1_000} kbit/s, ${inbandFec ? `FEC for ${expectedLoss} %` : 'no FEC'}`;
}
