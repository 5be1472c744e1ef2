import { parseArgs } from 'node:util';
import { seededRandom } from '../common/src/time/random.ts';
import { FRAME_SAMPLES } from '../protocol/src/index.ts';
import { loadCodecs } from '../common/src/codec/codecs.ts';
import type { EncoderTuning } from '../common/src/codec/ports.ts';
import { LossTuner } from '../common/src/codec/tuning.ts';
import { newFrameCounters } from '../common/src/concealment/frame-counters.ts';
import { silentLog } from '../common/src/system/log.ts';
import { aligned } from './lib/align.ts';
import { printColumns } from './lib/columns.ts';
import { resample } from './lib/fourier.ts';
import {
  lossPattern,
  PATTERNS,
  settledSpeech,
  stoiToOriginal,
  throughLadder,
  type Pattern,
} from './lib/lossy-speech.ts';
import { joined } from '../test/lib/sound.ts';
import { asBase64, inTurns, runNetEq } from './lib/neteq.ts';
import { logSpectralDistance, segmentalSnr, stoi } from './lib/quality.ts';

/*
 * Real speech through loss: what the ladder makes of it, against the decode without loss, beside the same packets with
 * silence, and with libopus' concealment alone, in place of what was lost. The encoder follows the loss as it does in a
 * call. NetEQ brings its own encoder and cannot take our packets (`@roamhq/wrtc` has no encoded transform), so both are
 * set side by side by STOI to the *original*, and by what loss takes from each: its own figure without loss, less this.
 * Only where the two are alike without loss was NetEQ's sound found again as it shifts, and its figures mean something.
 */

const RATES = [0, 0.01, 0.05, 0.1, 0.2];
/** Two good encoders of one recording; what else differs is how its sound was found again. */
const ALIKE_WITHOUT_LOSS = 0.015;
const QUIET_MACHINE_MS = 10;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '40' },
    'no-peer': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);

const codecs = await loadCodecs(silentLog);
const frames = settledSpeech();
const speech = joined(frames);

interface Case {
  readonly pattern: Pattern;
  readonly rate: number;
}

interface Quality {
  readonly snr: number;
  readonly lsd: number;
  readonly stoi: number;
}

interface Outcome extends Case {
  readonly lost: number;
  readonly recovered: number;
  readonly concealed: number;
  readonly comfortNoise: number;
  readonly ladder: Quality;
  readonly silence: Quality;
  readonly libopus: Quality;
  readonly toOriginal: number;
}

const cases: Case[] = RATES.flatMap((rate) => PATTERNS.map((pattern) => ({ rate, pattern }))).filter(
  ({ rate, pattern }) => rate > 0 || pattern === 'random',
);
const outcomes: Outcome[] = [];
for (const each of cases) outcomes.push(await sweep(each));
const peers = values['no-peer'] ? [] : await inTurns(cases, 3, netEqToOriginal);
report();

async function sweep({ pattern, rate }: Case): Promise<Outcome> {
  const packets = encode(tuningFor(rate));
  const sums = { lost: 0, recovered: 0, concealed: 0, comfortNoise: 0, toOriginal: 0 };
  const qualities = { ladder: zero(), silence: zero(), libopus: zero() };
  await codecs.prepare(1);
  const reference = decodeAll(packets);
  for (let run = 0; run < runs; run++) {
    const lost = lossPattern(pattern, rate, frames.length, seededRandom(run + 1));
    const counters = newFrameCounters();
    await codecs.prepare(3);
    const heard = throughLadder(codecs.decoder('opus'), packets, lost, counters);
    sums.lost += lost.filter(Boolean).length;
    sums.recovered += counters.recoveredByFec;
    sums.concealed += counters.concealed;
    sums.comfortNoise += counters.comfortNoise;
    sums.toOriginal += stoiToOriginal(speech, heard) / runs;
    add(qualities.ladder, reference, heard);
    add(qualities.silence, reference, withSilence(packets, lost));
    add(qualities.libopus, reference, withLibopusAlone(packets, lost));
  }
  return { pattern, rate, ...sums, ...qualities };
}

function tuningFor(rate: number): EncoderTuning {
  const tuner = new LossTuner();
  for (let second = 0; second < 60; second++) tuner.report(rate);
  return tuner.tuning;
}

function encode(tuning: EncoderTuning): Uint8Array[] {
  const encoder = codecs.encoder('opus', tuning);
  const packets = frames.map((frame) => encoder.encode(frame));
  encoder.close();
  return packets;
}

function decodeAll(packets: readonly Uint8Array[]): Int16Array {
  const decoder = codecs.decoder('opus');
  const out = joined(packets.map((packet) => decoder.decode(packet)));
  decoder.close();
  return out;
}

function withSilence(packets: readonly Uint8Array[], lost: readonly boolean[]): Int16Array {
  const decoder = codecs.decoder('opus');
  const out = joined(
    packets.map((packet, index) => (lost[index] ? new Int16Array(FRAME_SAMPLES) : decoder.decode(packet))),
  );
  decoder.close();
  return out;
}

function withLibopusAlone(packets: readonly Uint8Array[], lost: readonly boolean[]): Int16Array {
  const decoder = codecs.decoder('opus');
  const out = joined(packets.map((packet, index) => (lost[index] ? decoder.conceal() : decoder.decode(packet))));
  decoder.close();
  return out;
}

async function netEqToOriginal({
  pattern,
  rate,
}: Case): Promise<{ readonly stoi: number; readonly timerLateMs: number }> {
  const seconds = Number(values.seconds);
  const lost = lossPattern(pattern, rate, 50 * (seconds + 10), seededRandom(99));
  const half = speech.subarray(0, speech.length / 2);
  const result = await runNetEq({
    delaysMs: lost.map((gone) => (gone ? -1 : 0)),
    seconds,
    speech: asBase64(half),
    record: true,
  });
  const bytes = Buffer.from(result.heard, 'base64');
  const wide = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const { reference, heard } = aligned(half, Int16Array.from(resample(wide, 1, 3), Math.round));
  return { stoi: stoi(reference, heard), timerLateMs: result.timerLateMs };
}

function zero(): { snr: number; lsd: number; stoi: number } {
  return { snr: 0, lsd: 0, stoi: 0 };
}

function add(sum: { snr: number; lsd: number; stoi: number }, reference: Int16Array, heard: Int16Array): void {
  sum.snr += segmentalSnr(reference, heard) / runs;
  sum.lsd += logSpectralDistance(reference, heard) / runs;
  sum.stoi += stoi(reference, heard) / runs;
}

function report(): void {
  const rows = outcomes.map((outcome, index) => ({ ...outcome, netEqToOriginal: peers[index]?.stoi }));
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ benchmark: 'loss-sweep', runs, rows }, undefined, 2)}\n`);
    return;
  }
  const share = (part: number, whole: number) => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(0)} %`);
  printColumns(
    `loss-sweep: what became of lost frames; ${runs} runs of ${((frames.length * 20) / 1_000).toFixed(1)} s of real speech a row`,
    ['loss', 'encoder', 'recovered', 'concealed', 'noise'],
    rows.map((row) => [
      nameOf(row),
      described(tuningFor(row.rate)),
      share(row.recovered, row.lost),
      share(row.concealed, row.lost),
      share(row.comfortNoise, row.lost),
    ]),
  );
  printColumns(
    'quality against the decode without loss: segmental SNR in dB, log-spectral distance in dB, STOI',
    ['loss', 'SNR', 'libopus', 'silence', 'LSD', 'libopus', 'silence', 'STOI', 'libopus', 'silence'],
    rows.map(({ ladder, libopus, silence, ...row }) => [
      nameOf(row),
      ...[ladder, libopus, silence].map((quality) => quality.snr.toFixed(1)),
      ...[ladder, libopus, silence].map((quality) => quality.lsd.toFixed(2)),
      ...[ladder, libopus, silence].map((quality) => quality.stoi.toFixed(4)),
    ]),
    ['Goal: at 5 % random loss 75 % recovered and STOI 0.99; nothing given away without loss; never under libopus.'],
  );
  const lostBy = (own: number | undefined, without: number | undefined) =>
    own === undefined || without === undefined ? '-' : (without - own).toFixed(4);
  printColumns(
    'STOI against the original recording, coding included, NetEQ with its own encoder under the same kind of loss; and what loss takes from it',
    ['loss', 'ours', 'NetEQ', 'taken', 'NetEQ'],
    rows.map((row) => [
      nameOf(row),
      row.toOriginal.toFixed(4),
      row.netEqToOriginal?.toFixed(4) ?? '-',
      lostBy(row.toOriginal, rows[0]!.toOriginal),
      lostBy(row.netEqToOriginal, rows[0]!.netEqToOriginal),
    ]),
    peerNotes(rows[0]!.toOriginal),
  );
}

/** Whether NetEQ's figures hold. */
function peerNotes(oursWithoutLoss: number): string[] {
  const without = peers[0]?.stoi;
  if (without === undefined) return [];
  const apart = Math.abs(oursWithoutLoss - without);
  const lateMs = Math.max(...peers.map((peer) => peer.timerLateMs));
  return [
    apart <= ALIKE_WITHOUT_LOSS
      ? `Without loss the two are ${apart.toFixed(4)} apart: NetEQ's sound was found again.`
      : `Without loss the two are ${apart.toFixed(4)} apart: NetEQ's sound was not found again as it shifted, and its figures say nothing.`,
    ...(lateMs > QUIET_MACHINE_MS
      ? [
          `This machine was busy: NetEQ's timers came up to ${lateMs.toFixed(0)} ms late (p99), so its figures are worse than its own.`,
        ]
      : []),
  ];
}

function nameOf({ rate, pattern }: Case): string {
  return `${(rate * 100).toFixed(0)} % ${rate === 0 ? '' : pattern}`.trim();
}

function described({ bitrate, inbandFec, expectedLoss }: EncoderTuning): string {
  return `${bitrate / 1_000} kbit/s, ${inbandFec ? `FEC for ${expectedLoss} %` : 'no FEC'}`;
}
