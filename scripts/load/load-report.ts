import type { CallReport, Turn } from '../../device/src/conversation/report.ts';
import type { FrameCounters } from '../../device/src/playout/counters.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { DEFAULT_TURN_TAKING } from '../../server-stub/src/turn-taking.ts';
import type { HeldConversations } from './conversations.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import type { OpusCost } from './opus-cost.ts';
import { percentiles } from './percentiles.ts';
import type { Percentiles } from './percentiles.ts';
import type { RelayRun } from './relay-run.ts';

export interface LoadReport {
  readonly conversations: number;
  /** Phones that never talked, lost their conversation, or got no answer. */
  readonly failed: number;
  readonly framesShed: number;
  /** Everything between the patient's last word and the speaker but patience and the three stages. */
  readonly overheadMs: Percentiles;
  readonly answerMs: Percentiles;
  readonly serverCpuSecondsPerMinute: number;
  readonly serverMemoryMb: number;
  readonly codec: CodecName;
  readonly minutes: number;
  readonly turns: number;
  readonly underruns: number;
  readonly late: number;
  readonly concealed: number;
  readonly framesUp: number;
  readonly framesDown: number;
  /** `ws` alone, the same frames, the same run. */
  readonly relay: { readonly cpuSecondsPerMinute: number; readonly memoryMb: number; readonly roundTripMs: Percentiles };
  readonly cpuOfRelay: number;
  /** Of the server's CPU, by frames counted and the cost of one on this machine; null for PCM. */
  readonly opus: { readonly encodeCpuSecondsPerMinute: number; readonly decodeCpuSecondsPerMinute: number; readonly framesEncoded: number } | null;
  /** The phones' processes while measuring: they were not what was measured if they idled and were on time. */
  readonly generators: { readonly withServer: readonly GeneratorLimit[]; readonly withRelay: readonly GeneratorLimit[] };
}

interface Measured {
  readonly count: number;
  readonly minutes: number;
  readonly codec: CodecName;
  readonly held: HeldConversations;
  readonly relay: RelayRun;
  readonly opus: OpusCost | undefined;
}

export function reportOf({ count, minutes, codec, held, relay, opus }: Measured): LoadReport {
  const turns = held.reports.flatMap((report) => report.turns);
  const sum = (name: keyof FrameCounters): number => held.reports.reduce((total, { frames }) => total + frames[name], 0);
  const perMinute = (frames: number, micros: number): number => round((frames * micros) / 1e6 / held.measuredMinutes);
  return {
    conversations: count,
    failed: held.reports.filter(failed).length + count - held.reports.length,
    framesShed: sum('shed') + held.uplinkShed,
    overheadMs: percentiles(turns.map(overheadMs).filter((ms) => ms !== undefined)),
    answerMs: percentiles(turns.map(({ latencyMs }) => latencyMs)),
    serverCpuSecondsPerMinute: round(held.cpuSecondsPerMinute),
    serverMemoryMb: round(held.memoryMb),
    codec, minutes,
    turns: turns.length,
    underruns: sum('underrun'),
    late: sum('late'),
    concealed: sum('concealed'),
    framesUp: held.framesUp,
    framesDown: held.framesDown,
    relay: { cpuSecondsPerMinute: round(relay.cpuSecondsPerMinute), memoryMb: round(relay.memoryMb), roundTripMs: relay.roundTripMs },
    cpuOfRelay: round(held.cpuSecondsPerMinute / relay.cpuSecondsPerMinute),
    opus: opus === undefined ? null : {
      encodeCpuSecondsPerMinute: perMinute(held.framesEncoded, opus.encodeMicros),
      decodeCpuSecondsPerMinute: perMinute(held.framesDecoded, opus.decodeMicros),
      framesEncoded: held.framesEncoded,
    },
    generators: { withServer: held.limits, withRelay: relay.limits },
  };
}

function failed(report: CallReport): boolean {
  return report.endReason !== 'hangup' || report.conversationId === null || report.turns.length === 0 || report.reconnects.length > 0;
}

/** Of one answer: from the last word to the ear, without the patience and without what the three stages took. */
function overheadMs({ latencyMs, stages }: Turn): number | undefined {
  const { turnDetectedMs, ttsFirstByteMs } = stages ?? {};
  if (turnDetectedMs === undefined || ttsFirstByteMs === undefined) return undefined;
  return latencyMs - DEFAULT_TURN_TAKING.patienceMs - (ttsFirstByteMs - turnDetectedMs);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function printReport(report: LoadReport): void {
  const line = (what: string, value: string): void => void process.stdout.write(`  ${what.padEnd(34)} ${value}\n`);
  const three = ({ p50, p95, p99 }: Percentiles): string => `p50 ${p50}  p95 ${p95}  p99 ${p99} ms`;
  process.stdout.write(`\n${report.conversations} conversations, ${report.codec}, ${report.minutes} min: ${report.turns} answers, ${report.failed} failed\n`);
  line('answer, last word to ear', three(report.answerMs));
  line("of it the server's own", three(report.overheadMs));
  line('frames shed', String(report.framesShed));
  line('late, concealed, underruns', `${report.late}, ${report.concealed}, ${report.underruns}`);
  line('server CPU', `${report.serverCpuSecondsPerMinute} s/min (${report.cpuOfRelay} of a bare relay's ${report.relay.cpuSecondsPerMinute})`);
  if (report.opus !== null) line('of it Opus', `decode ${report.opus.decodeCpuSecondsPerMinute}, encode ${report.opus.encodeCpuSecondsPerMinute} s/min`);
  line('server memory', `${report.serverMemoryMb} MB (relay ${report.relay.memoryMb})`);
  line('relay round trip', three(report.relay.roundTripMs));
  line('phone processes', report.generators.withServer.map(({ cpuShare, loopDelayP99Ms }) => `${Math.round(cpuShare * 100)} % of a core, p99 ${loopDelayP99Ms} ms late`).join('; '));
}
