import type { CallReport, Turn } from '../../device/src/conversation/report.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { DEFAULT_TURN_TAKING } from '../../server-stub/src/dialogue/turn-taking.ts';
import type { HeldConversations } from './conversations.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import { percentiles } from '../../test/lib/statistics.ts';
import type { Percentiles } from '../../test/lib/statistics.ts';
import type { RelayRun } from './relay-run.ts';

export interface LoadReport {
  readonly conversations: number;
  /** Phones that never talked, lost their conversation, or got no answer. */
  readonly failed: number;
  readonly framesShed: number;
  /** Everything between the patient's last word and the speaker but patience and the three stages. */
  readonly overheadMs: Percentiles;
  readonly answerMs: Percentiles;
  /** Of all its processes. */
  readonly serverCpuSecondsPerMinute: number;
  readonly serverMemoryMb: number;
  /** All of it, divided among them. */
  readonly perConversation: { readonly cpuSecondsPerMinute: number; readonly memoryMb: number };
  readonly codec: CodecName;
  readonly minutes: number;
  readonly serverProcesses: number;
  readonly turns: number;
  readonly underruns: number;
  readonly late: number;
  readonly concealed: number;
  readonly framesUp: number;
  readonly framesDown: number;
  /** `ws` alone, the same frames, the same run. */
  readonly relay: {
    readonly cpuSecondsPerMinute: number;
    readonly memoryMb: number;
    readonly roundTripMs: Percentiles;
  };
  readonly cpuOfRelay: number;
  readonly cpuOfRelayWithoutOpus: number;
  /** Of the server's CPU, as the server itself timed it; zeros for PCM. */
  readonly opus: {
    readonly encodeCpuSecondsPerMinute: number;
    readonly decodeCpuSecondsPerMinute: number;
    readonly framesEncoded: number;
    readonly framesDecoded: number;
  };
  /** The phones' processes while measuring: they were not what was measured if they idled and were on time. */
  readonly generators: {
    readonly withServer: readonly GeneratorLimit[];
    readonly withRelay: readonly GeneratorLimit[];
  };
}

interface Measured {
  readonly count: number;
  readonly minutes: number;
  readonly codec: CodecName;
  readonly serverProcesses: number;
  readonly held: HeldConversations;
  readonly relay: RelayRun;
}

export function reportOf({ count, minutes, codec, serverProcesses, held, relay }: Measured): LoadReport {
  const turns = held.reports.flatMap((report) => report.turns);
  const sum = (name: keyof FrameCounters): number =>
    held.reports.reduce((total, { frames }) => total + frames[name], 0);
  const opusCpu = held.encodeCpuSecondsPerMinute + held.decodeCpuSecondsPerMinute;
  return {
    conversations: count,
    failed: held.reports.filter(failed).length + count - held.reports.length,
    framesShed: sum('shed') + held.uplinkShed,
    overheadMs: percentiles(turns.map(overheadMs).filter((ms) => ms !== undefined)),
    answerMs: percentiles(turns.map(({ latencyMs }) => latencyMs)),
    serverCpuSecondsPerMinute: round(held.cpuSecondsPerMinute),
    serverMemoryMb: round(held.memoryMb),
    perConversation: {
      cpuSecondsPerMinute: round(held.cpuSecondsPerMinute / count),
      memoryMb: round(held.memoryMb / count),
    },
    codec,
    minutes,
    serverProcesses,
    turns: turns.length,
    underruns: sum('underrun'),
    late: sum('late'),
    concealed: sum('concealed'),
    framesUp: held.framesUp,
    framesDown: held.framesDown,
    relay: {
      cpuSecondsPerMinute: round(relay.cpuSecondsPerMinute),
      memoryMb: round(relay.memoryMb),
      roundTripMs: relay.roundTripMs,
    },
    cpuOfRelay: round(held.cpuSecondsPerMinute / relay.cpuSecondsPerMinute),
    cpuOfRelayWithoutOpus: round((held.cpuSecondsPerMinute - opusCpu) / relay.cpuSecondsPerMinute),
    opus: {
      encodeCpuSecondsPerMinute: round(held.encodeCpuSecondsPerMinute),
      decodeCpuSecondsPerMinute: round(held.decodeCpuSecondsPerMinute),
      framesEncoded: held.framesEncoded,
      framesDecoded: held.framesDecoded,
    },
    generators: { withServer: held.limits, withRelay: relay.limits },
  };
}

function failed(report: CallReport): boolean {
  return (
    report.endReason !== 'hangup' ||
    report.conversationId === null ||
    report.turns.length === 0 ||
    report.reconnects.length > 0
  );
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

/** The server's own overhead: its limit, and how far above its value at one conversation it may be. */
const MAX_OVERHEAD_P95_MS = 100;
const MAX_GROWTH = 1.2;

/** @param alone the same with one conversation, when that was measured @returns what does not hold, in words */
export function brokenBy(report: LoadReport, alone: LoadReport | undefined): string[] {
  const {
    failed: phones,
    framesShed,
    overheadMs: { p95 },
  } = report;
  const grown = alone !== undefined && p95 > alone.overheadMs.p95 * MAX_GROWTH;
  return [
    ...(phones > 0 ? [`${phones} phones failed`] : []),
    ...(framesShed > 0 ? [`${framesShed} frames shed`] : []),
    ...(p95 < MAX_OVERHEAD_P95_MS ? [] : [`overhead p95 ${p95} ms, limit ${MAX_OVERHEAD_P95_MS}`]),
    ...(grown
      ? [`overhead p95 ${p95} ms, over ${MAX_GROWTH} × the ${alone.overheadMs.p95} ms of one conversation`]
      : []),
  ];
}

export function printReport(report: LoadReport, alone: LoadReport | undefined): void {
  const line = (what: string, value: string): void => void process.stdout.write(`  ${what.padEnd(34)} ${value}\n`);
  const { relay, opus, perConversation, generators } = report;
  process.stdout.write(
    `\n${report.conversations} conversations, ${report.codec}, ${report.minutes} min: ${report.turns} answers, ${report.failed} failed\n`,
  );
  line('answer, last word to ear', three(report.answerMs));
  line("of it the server's own", three(report.overheadMs));
  line('frames shed', String(report.framesShed));
  line('late, concealed, underruns', `${report.late}, ${report.concealed}, ${report.underruns}`);
  line(
    'frames up, down',
    `${report.framesUp}, ${report.framesDown} (decoded ${opus.framesDecoded}, encoded ${opus.framesEncoded})`,
  );
  line(
    'server CPU',
    `${report.serverCpuSecondsPerMinute} s/min in ${report.serverProcesses} process${report.serverProcesses > 1 ? 'es' : ''}, ${perConversation.cpuSecondsPerMinute} a conversation`,
  );
  line('of it Opus', `decode ${opus.decodeCpuSecondsPerMinute}, encode ${opus.encodeCpuSecondsPerMinute} s/min`);
  line(
    'bare relay CPU, the same frames',
    `${relay.cpuSecondsPerMinute} s/min: the server takes ${report.cpuOfRelay} ×, without Opus ${report.cpuOfRelayWithoutOpus} ×`,
  );
  line(
    'server memory',
    `${report.serverMemoryMb} MB, ${perConversation.memoryMb} a conversation (relay ${relay.memoryMb})`,
  );
  line('relay round trip', three(relay.roundTripMs));
  line('phone processes', generators.withServer.map(limit).join('; '));
  line('the same with the relay', generators.withRelay.map(limit).join('; '));
  const broken = brokenBy(report, alone);
  line('holds', broken.length === 0 ? 'yes' : `no: ${broken.join('; ')}`);
}

function three({ p50, p95, p99 }: Percentiles): string {
  return `p50 ${p50}  p95 ${p95}  p99 ${p99} ms`;
}

function limit({ cpuShare, loopDelayP50Ms, loopDelayP99Ms }: GeneratorLimit): string {
  return `${Math.round(cpuShare * 100)} % of a core, late p50 ${loopDelayP50Ms} p99 ${loopDelayP99Ms} ms`;
}

/** All runs as a table in Markdown. */
export function tableOf(reports: readonly LoadReport[]): string {
  const rows = reports.map((report) => [
    report.conversations,
    report.codec,
    report.minutes,
    report.turns,
    report.failed,
    report.framesShed,
    `${report.overheadMs.p50} / ${report.overheadMs.p95} / ${report.overheadMs.p99}`,
    report.serverCpuSecondsPerMinute,
    round(report.opus.decodeCpuSecondsPerMinute + report.opus.encodeCpuSecondsPerMinute),
    report.relay.cpuSecondsPerMinute,
    `${report.cpuOfRelay} / ${report.cpuOfRelayWithoutOpus}`,
    report.serverMemoryMb,
    `${Math.round(Math.max(...report.generators.withServer.map(({ cpuShare }) => cpuShare)) * 100)} %`,
  ]);
  const heads = [
    'conversations',
    'codec',
    'min',
    'answers',
    'failed',
    'shed',
    'overhead p50 / p95 / p99, ms',
    'server CPU, s/min',
    'of it Opus',
    'relay CPU',
    'server ÷ relay / without Opus',
    'memory, MB',
    'busiest phone process',
  ];
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
