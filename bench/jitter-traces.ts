import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../common/src/time/random.ts';
import { FRAME_MS } from '../protocol/src/index.ts';
import { loadCodecs, type CodecFactory } from '../common/src/codec/codecs.ts';
import { LearnedComfortNoise } from '../common/src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../common/src/concealment/frame-counters.ts';
import { Ladder } from '../common/src/concealment/ladder.ts';
import { LivePlayout } from '../device/src/playout/live-playout.ts';
import { silentLog } from '../common/src/system/log.ts';
import { printColumns } from './lib/columns.ts';
import { makeHeldOutTraces } from './lib/held-out-traces.ts';
import type { NetEqResult } from './lib/neteq-peer.ts';
import { asBase64, inTurns, runNetEq } from './lib/neteq.ts';
import { speechFrames } from '../test/lib/speech.ts';
import { mean, quantile } from '../test/lib/statistics.ts';
import { makeTraces, type Trace } from './lib/traces.ts';

/*
 * Live audio over paths that delay: how long a packet waits before it is decoded, and how much is concealed, beside
 * WebRTC's NetEQ on the same delays in the same run. Ours runs in virtual time, NetEQ in real time. `--trace FILE`
 * takes a recorded path: one delay in ms a line, one line a packet of 20 ms. `--held-out` takes paths of other kinds,
 * which the estimator was not written for. It was tuned with seeds 1 and 2; the figures shown are of others.
 */

const WARM_UP_MS = 4_000;
/** Where the speaker's grid lies against the sender's; averaged over. */
const PHASES_MS = [2, 7, 12, 17];
const QUIET_MACHINE_MS = 10;
const NEGLIGIBLE_SHARE = 0.0005;

interface Measured {
  readonly meanMs: number;
  readonly p95Ms: number;
  readonly concealedShare: number;
  readonly stretchedShare: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '3' },
    trace: { type: 'string', multiple: true, default: [] },
    'held-out': { type: 'boolean', default: false },
    // A NetEQ needs about an eighth of a core; too many at a time, and their timers disturb each other (the report says so).
    'at-a-time': { type: 'string', default: '5' },
    'no-peer': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const seconds = Number(values.seconds);
const total = seconds + WARM_UP_MS / 1_000;
const made = values['held-out'] ? makeHeldOutTraces : makeTraces;
const traces = [...made(total, Number(values.seed)), ...values.trace.map(recorded)];
const codecs = await loadCodecs(silentLog);
await codecs.prepare(traces.length * PHASES_MS.length);
const speech = speechFrames('companion');
const packets = encode(codecs, speech);

const ours = traces.map((trace) => inTheMean(PHASES_MS.map((phaseMs) => measure(codecs, trace, phaseMs))));
const peers = values['no-peer']
  ? []
  : await inTurns(traces, Number(values['at-a-time']), (trace) =>
      runNetEq({
        delaysMs: [...trace.delaysMs],
        seconds,
        speech: asBase64(Int16Array.from(speech.flatMap((frame) => [...frame]))),
        record: false,
      }),
    );
report();

function recorded(path: string): Trace {
  return { name: basename(path), delaysMs: Float64Array.from(readFileSync(path, 'utf8').trim().split(/\s+/), Number) };
}

function encode(factory: CodecFactory, frames: readonly Int16Array[]): Uint8Array[] {
  const encoder = factory.encoder('opus');
  const list = frames.map((frame) => encoder.encode(frame));
  encoder.close();
  return list;
}

function measure(factory: CodecFactory, trace: Trace, phaseMs: number): Measured {
  const counters = newFrameCounters();
  const decoder = factory.decoder('opus');
  const ladder = new Ladder({ decoder, comfortNoise: new LearnedComfortNoise(seededRandom(1)), counters });
  const playout = new LivePlayout({ ladder, counters, frameTicks: 960, capacityFrames: 200 });
  const delays: number[] = [];
  let next = 0;
  let before = snapshot();
  let slots = 0;
  let warm = before;
  for (let nowMs = phaseMs; nowMs < total * 1_000; nowMs += FRAME_MS) {
    for (; next * FRAME_MS + delayOf(next) <= nowMs; next++) {
      playout.insert({
        sequence: next,
        timestamp: next * 960,
        marker: false,
        payload: packets[next % packets.length]!,
        arrivedMs: next * FRAME_MS + delayOf(next),
      });
    }
    playout.render(nowMs);
    const now = snapshot();
    if (nowMs < WARM_UP_MS) warm = now;
    else {
      slots++;
      if (now.waited > before.waited) delays.push((now.waitMs - before.waitMs) / (now.waited - before.waited));
    }
    before = now;
  }
  decoder.close();
  return {
    meanMs: (before.waitMs - warm.waitMs) / (before.waited - warm.waited),
    p95Ms: quantile(delays, 0.95),
    concealedShare: (before.concealed - warm.concealed) / slots,
    stretchedShare: (before.stretched - warm.stretched) / (slots * 320),
  };

  function delayOf(index: number): number {
    return trace.delaysMs[index % trace.delaysMs.length]!;
  }

  function snapshot() {
    const { waited, waitMs, acceleratedSamples, expandedSamples } = playout.statistics;
    return {
      waited,
      waitMs,
      concealed: counters.concealed + counters.comfortNoise,
      stretched: acceleratedSamples + expandedSamples,
    };
  }
}

function inTheMean(list: readonly Measured[]): Measured {
  const of = (key: keyof Measured) => mean(list.map((each) => each[key]));
  return {
    meanMs: of('meanMs'),
    p95Ms: of('p95Ms'),
    concealedShare: of('concealedShare'),
    stretchedShare: of('stretchedShare'),
  };
}

function report(): void {
  const rows = traces.map((trace, index) => ({
    trace: trace.name,
    ours: ours[index]!,
    netEq: peers[index] && withoutSound(peers[index]),
  }));
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ benchmark: 'jitter-traces', seconds, seed: Number(values.seed), rows }, undefined, 2)}\n`,
    );
    return;
  }
  printColumns(
    `jitter-traces: live audio, ${seconds} s a path after ${WARM_UP_MS / 1_000} s; added delay in ms, concealed and stretched in %`,
    ['path', 'mean', 'NetEQ', 'ratio', 'p95', 'NetEQ', 'concealed', 'NetEQ', 'stretched', 'NetEQ', ''],
    rows.map(({ trace, ours: own, netEq }) => [
      trace,
      own.meanMs.toFixed(0),
      netEq?.meanDelayMs.toFixed(0) ?? '-',
      netEq ? (own.meanMs / netEq.meanDelayMs).toFixed(2) : '-',
      own.p95Ms.toFixed(0),
      netEq?.p95DelayMs.toFixed(0) ?? '-',
      percent(own.concealedShare),
      netEq ? percent(netEq.concealedShare) : '-',
      percent(own.stretchedShare),
      netEq ? percent(netEq.stretchedShare) : '-',
      netEq ? verdict(own, netEq) : '',
    ]),
    [
      "Delay: from a packet's arrival to its decoding, as NetEQ counts it. Goal: ratio <= 1.00 at no more concealment on every path, <= 0.80 on two.",
      ...disturbance(peers.map((peer) => peer.timerLateMs)),
    ],
  );
}

/** A twentieth of a percent of concealment, 30 ms in a minute, is nothing that either can help. */
function verdict(own: Measured, netEq: Omit<NetEqResult, 'heard'>): string {
  const worse = [
    ...(own.meanMs > netEq.meanDelayMs ? ['delay'] : []),
    ...(own.concealedShare > Math.max(netEq.concealedShare, NEGLIGIBLE_SHARE) ? ['concealment'] : []),
  ];
  return worse.length === 0 ? 'better in both' : `worse: ${worse.join(', ')}`;
}

function withoutSound({ heard: _, ...figures }: NetEqResult) {
  return figures;
}

/** NetEQ runs in real time: on a busy machine it is not its own figures that are measured. */
function disturbance(late: readonly number[]): string[] {
  const worst = Math.max(0, ...late);
  return worst <= QUIET_MACHINE_MS
    ? []
    : [
        `This machine was busy: NetEQ's timers came up to ${worst.toFixed(0)} ms late (p99), so its figures are worse than its own.`,
      ];
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}
