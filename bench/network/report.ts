import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { percentiles } from '../../test/lib/statistics.ts';
import type { Percentiles } from '../../test/lib/statistics.ts';
import type { HeldConversation } from './conversation.ts';
import type { EmulatorStatistics } from '../../test/lib/network/emulator.ts';
import { firstFrameDelays, gapsInResponses, tickErrors, uplinkDelays } from './measure.ts';
import type { Sample } from './measure.ts';
import type { Scenario } from './scenarios.ts';

/** What `npm run network -- --report` writes. Times in ms. */
export interface NetworkReport {
  readonly scenario: string;
  readonly about: string;
  readonly seconds: number;
  readonly seed: number;
  readonly roundTripMs: number;
  readonly congestionControl: string;
  /** The phone's ladder: what the patient heard. */
  readonly frames: FrameCounters;
  /** The server's: what the companion heard. */
  readonly uplinkFrames: Readonly<Record<string, number>>;
  readonly responses: number;
  readonly responseSeconds: number;
  /** Within responses, from their second second on: the longest time without their sound. */
  readonly longestGapAfterFirstSecondMs: number;
  readonly longestGapMs: number;
  readonly gapsOver100Ms: number;
  /** From the server sending a response's first frame to it being heard. */
  readonly firstFrameDelayMs: Percentiles & { readonly max: number };
  /** From the microphone to the server's receipt. */
  readonly uplinkDelayMs: Percentiles & { readonly max: number };
  readonly answeredAfterMs: Percentiles;
  readonly reconnects: number;
  readonly goals: { readonly gap: boolean; readonly firstFrame: boolean };
  readonly network: EmulatorStatistics;
  /** How unevenly the phone's 20 ms came; far from 0 where the machine is busy with other things. */
  readonly tickErrorMs: Percentiles & { readonly max: number };
}

const MOST_GAP_MS = 100;
const FIRST_FRAME_OVER_ROUND_TRIP_MS = 100;

export function reportOf(name: string, scenario: Scenario, seed: number, held: HeldConversation): NetworkReport {
  const gaps = gapsInResponses(held.phone);
  const firstFrame = spread(firstFrameDelays(held.phone, held.server));
  const roundTripMs = 2 * scenario.delayMs;
  return {
    scenario: name,
    about: scenario.about,
    seed,
    roundTripMs,
    seconds: Math.round(held.report.durationMs / 1_000),
    congestionControl: held.congestionControl,
    frames: held.report.frames,
    uplinkFrames: held.uplinkFrames,
    responses: gaps.responses,
    responseSeconds: Math.round(gaps.responseMs / 1_000),
    longestGapAfterFirstSecondMs: gaps.longestAfterFirstSecondMs,
    longestGapMs: gaps.longestMs,
    gapsOver100Ms: gaps.over100Ms,
    firstFrameDelayMs: firstFrame,
    uplinkDelayMs: spread(uplinkDelays(held.phone, held.server)),
    answeredAfterMs: percentiles(held.report.turns.map(({ latencyMs }) => latencyMs)),
    reconnects: held.report.reconnects.length,
    goals: {
      gap: gaps.longestAfterFirstSecondMs <= MOST_GAP_MS,
      firstFrame: firstFrame.p50 <= roundTripMs + FIRST_FRAME_OVER_ROUND_TRIP_MS,
    },
    network: held.network,
    tickErrorMs: spread(tickErrors(held.phone).map((ms) => ({ at: 0, ms }))),
  };
}

function spread(samples: readonly Sample[]): Percentiles & { max: number } {
  const values = samples.map(({ ms }) => ms);
  return {
    ...percentiles(values),
    max: Math.round(values.reduce((most, value) => Math.max(most, value), 0) * 10) / 10,
  };
}

export function printReport(report: NetworkReport, out: NodeJS.WritableStream): void {
  const { frames, uplinkFrames: up, network, goals } = report;
  const verdict = (holds: boolean): string => (holds ? 'holds' : 'MISSED');
  out.write(
    `${[
      '',
      `${report.scenario}: ${report.about}`,
      `  ${report.seconds} s of conversation over wss, ${report.congestionControl}; lost on the way: up ${network.up.lossPct} %, down ${network.down.lossPct} % of the packets`,
      `  the patient heard    ${report.responses} responses, ${report.responseSeconds} s; frames received ${frames.received}, played ${frames.played}, by FEC ${frames.recoveredByFec}, ` +
        `concealed ${frames.concealed}, comfort noise ${frames.comfortNoise}, late ${frames.late}, underruns ${frames.underrun}`,
      `  the companion heard  frames received ${up['received']}, by FEC ${up['recoveredByFec']}, concealed ${up['concealed']}, comfort noise ${up['comfortNoise']}; shed by the phone ${frames.shed} of ${frames.sent + frames.shed}`,
      `  longest gap in a response after its first second  ${report.longestGapAfterFirstSecondMs} ms  (goal: at most ${MOST_GAP_MS}: ${verdict(goals.gap)}); ` +
        `first second included ${report.longestGapMs} ms, ${report.gapsOver100Ms} over ${MOST_GAP_MS} ms`,
      `  first frame, sent to heard  ${delays(report.firstFrameDelayMs)}  (goal: p50 at most ${report.roundTripMs + FIRST_FRAME_OVER_ROUND_TRIP_MS}: ${verdict(goals.firstFrame)})`,
      `  microphone to server        ${delays(report.uplinkDelayMs)}`,
      `  last word to answer         p50 ${report.answeredAfterMs.p50}, p95 ${report.answeredAfterMs.p95} ms; ${report.reconnects} reconnects`,
      ...busy(report),
    ].join('\n')}\n`,
  );
}

function delays({ p50, p95, p99, max }: Percentiles & { readonly max: number }): string {
  return `p50 ${p50}, p95 ${p95}, p99 ${p99}, max ${max} ms`;
}

/** A figure from a machine that was late itself is worth little, and has to say so. */
function busy({ network, tickErrorMs }: NetworkReport): string[] {
  const lateMs = Math.max(network.up.lateMs.p99, network.down.lateMs.p99);
  const own = `emulator late p99 ${lateMs} ms (max ${Math.max(network.up.lateMs.max, network.down.lateMs.max)}), phone's 20 ms off by p99 ${tickErrorMs.p99} ms (max ${tickErrorMs.max})`;
  return [`  the machine itself          ${own}${lateMs > 5 || tickErrorMs.p99 > 10 ? ': BUSY, measure again' : ''}`];
}
