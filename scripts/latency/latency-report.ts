import type { Turn } from '../../device/src/conversation/report.ts';
import { percentiles } from '../load/percentiles.ts';
import type { Percentiles } from '../load/percentiles.ts';
import type { MeasuredLatency } from './measure.ts';
import { BUDGETS } from './vendors.ts';

export interface LatencyReport {
  readonly goalMs: number;
  /** The budgets are the stages' 95th percentile, or their median. */
  readonly stages: 'p95' | 'median';
  readonly linkMs: number;
  readonly overlap: LatencySummary;
  readonly oneAfterAnother: LatencySummary;
}

export interface LatencySummary {
  readonly turns: number;
  /** From the patient's last word to the first sample at the ear. */
  readonly answerMs: Percentiles;
  /** What each stage took by itself. */
  readonly stages: Readonly<Record<keyof typeof BUDGETS, Percentiles>>;
  /** When each stage was done, from the last word, on the server. */
  readonly reached: Readonly<Record<Mark, Percentiles>>;
  /** Of the answer: the way there and back, queues, framing, playout. */
  readonly networkAndQueueMs: Percentiles;
}

const MARKS = ['turnDetectedMs', 'sttFinalMs', 'llmFirstTokenMs', 'ttsFirstByteMs', 'firstFrameSentMs'] as const;
type Mark = typeof MARKS[number];

export const MARK_NAMES: Readonly<Record<Mark, string>> = {
  turnDetectedMs: 'the turn is over', sttFinalMs: 'text final', llmFirstTokenMs: 'first word', ttsFirstByteMs: 'first sound', firstFrameSentMs: 'first frame sent',
};

export function reportOf(stages: 'p95' | 'median', overlap: MeasuredLatency, oneAfterAnother: MeasuredLatency): LatencyReport {
  return { goalMs: 2_000, stages, linkMs: 200, overlap: summaryOf(overlap), oneAfterAnother: summaryOf(oneAfterAnother) };
}

function summaryOf({ turns, stageMs }: MeasuredLatency): LatencySummary {
  const at = (mark: Mark): number[] => turns.map(({ stages }) => stages?.[mark]).filter((ms) => ms !== undefined);
  const rest = ({ latencyMs, stages }: Turn): number => latencyMs - (stages?.['firstFrameSentMs'] ?? latencyMs);
  return {
    turns: turns.length,
    answerMs: percentiles(turns.map(({ latencyMs }) => latencyMs)),
    stages: { stt: percentiles(stageMs.stt), llm: percentiles(stageMs.llm), tts: percentiles(stageMs.tts) },
    reached: Object.fromEntries(MARKS.map((mark) => [mark, percentiles(at(mark))])) as Record<Mark, Percentiles>,
    networkAndQueueMs: percentiles(turns.map(rest)),
  };
}

export function printTable(report: LatencyReport): void {
  const row = (name: string, { p50, p95, p99 }: Percentiles, budget = ''): void => {
    process.stdout.write(`  ${name.padEnd(42)} ${[p50, p95, p99].map((ms) => String(Math.round(ms)).padStart(6)).join(' ')}  ${budget}\n`);
  };
  for (const [title, summary] of [['As the server works', report.overlap], ['With nothing overlapping', report.oneAfterAnother]] as const) {
    process.stdout.write(`\n${title}: ${summary.turns} turns, link ${report.linkMs} ms there and back, budgets are the ${report.stages} of each stage (virtual time)\n`);
    process.stdout.write(`  ${'ms'.padEnd(42)}    p50    p95    p99  budget\n`);
    row('speech-to-text, last audio to text', summary.stages.stt, String(BUDGETS.stt));
    row('language model, request to first word', summary.stages.llm, String(BUDGETS.llm));
    row('text-to-speech, request to first sound', summary.stages.tts, String(BUDGETS.tts));
    for (const mark of MARKS) row(`… reached: ${MARK_NAMES[mark]}`, summary.reached[mark]);
    row('network, queue, playout', summary.networkAndQueueMs, String(report.linkMs));
    row('the answer at the ear', summary.answerMs, `${report.goalMs}${summary.answerMs.p95 < report.goalMs ? '  holds' : '  MISSED'}`);
  }
}
