import { percentiles } from '../../test/lib/statistics.ts';
import type { Percentiles } from '../../test/lib/statistics.ts';
import { GOAL_MS, LINK_MS } from './measured.ts';
import type { MeasuredLatency, PreparedCounts } from './measured.ts';
import type { MeasuredTurn } from './caller.ts';
import { BUDGETS } from './vendors.ts';
import type { StageKey, StageTimes } from './vendors.ts';

export interface LatencyReport {
  readonly goalMs: number;
  readonly linkMs: number;
  /** `emulated`: real programs, real sockets, packets delayed between two network namespaces. `virtual`: one process and one clock. */
  readonly network: 'emulated' | 'virtual';
  readonly budgetsMs: typeof BUDGETS;
  readonly runs: readonly LatencySummary[];
}

export interface LatencySummary {
  readonly key: string;
  readonly title: string;
  readonly budgetIs: 'p95' | 'median';
  readonly turns: number;
  /** Times the companion spoke before the patient was done. */
  readonly cutOff: number;
  /** From the last sample of the patient's speech at the microphone to the first of the answer at the speaker. */
  readonly answerMs: Percentiles;
  /** What the services took for a request by itself. */
  readonly stages: Readonly<Record<StageKey, Percentiles>>;
  /** The same, of the requests that gave something: the quicker of two, and none that was dropped. */
  readonly reported: Readonly<Record<StageKey, Percentiles>>;
  /** When each stage was done, from the last word as the server heard it. Stages overlap: these are moments, and add up to nothing. */
  readonly reached: Readonly<Record<Mark, Percentiles>>;
  /** The rest of the answer: the way there and back, queues, framing, playout. */
  readonly networkAndQueueMs: Percentiles;
  readonly prepared: PreparedCounts;
}

const MARKS = ['turnDetectedMs', 'sttFinalMs', 'llmFirstTokenMs', 'ttsFirstByteMs', 'firstFrameSentMs'] as const;
type Mark = (typeof MARKS)[number];

const MARK_NAMES: Readonly<Record<Mark, string>> = {
  turnDetectedMs: 'the turn is over (patience)',
  sttFinalMs: 'the words are known',
  llmFirstTokenMs: 'first word',
  ttsFirstByteMs: 'first sound',
  firstFrameSentMs: 'first frame sent',
};
const STAGE_NAMES: Readonly<Record<StageKey, string>> = {
  stt: 'speech-to-text, last audio to text',
  llm: 'language model, request to first word',
  tts: 'text-to-speech, request to first sound',
};

export function reportOf(network: LatencyReport['network'], measured: readonly MeasuredLatency[]): LatencyReport {
  return { goalMs: GOAL_MS, linkMs: LINK_MS, network, budgetsMs: BUDGETS, runs: measured.map(summaryOf) };
}

function summaryOf({ run, turns, tookMs, reportedMs, prepared, cutOff }: MeasuredLatency): LatencySummary {
  const at = (mark: Mark): number[] => turns.map(({ stages }) => stages[mark]).filter((ms) => ms !== undefined);
  const rest = ({ answerMs, stages }: MeasuredTurn): number => answerMs - (stages['firstFrameSentMs'] ?? answerMs);
  return {
    key: run.key,
    title: run.title,
    budgetIs: run.budgetIs,
    turns: turns.length,
    cutOff,
    prepared,
    answerMs: percentiles(turns.map(({ answerMs }) => answerMs)),
    stages: byStage(tookMs),
    reported: byStage(reportedMs),
    reached: Object.fromEntries(MARKS.map((mark) => [mark, percentiles(at(mark))])) as Record<Mark, Percentiles>,
    networkAndQueueMs: percentiles(turns.map(rest)),
  };
}

function byStage({ stt, llm, tts }: StageTimes): LatencySummary['stages'] {
  return { stt: percentiles(stt), llm: percentiles(llm), tts: percentiles(tts) };
}

/** Whether the answer is in time as the server works by default, however the budgets are read. */
export function holds({ runs, goalMs }: LatencyReport): boolean {
  return runs.every(({ key, answerMs, cutOff }) => key !== 'as-shipped' || (answerMs.p95 < goalMs && cutOff === 0));
}

export function printReport(report: LatencyReport, out: NodeJS.WritableStream): void {
  for (const budgetIs of ['p95', 'median'] as const) {
    const runs = report.runs.filter((run) => run.budgetIs === budgetIs);
    const [shipped] = runs;
    if (shipped === undefined) continue;
    out.write(
      `\nEach stage's budget is its ${budgetIs}; ${report.network === 'emulated' ? 'real programs over an emulated network' : 'in virtual time'}, ${report.linkMs} ms there and back; ${shipped.turns} turns a line\n\n`,
    );
    out.write(`  ${'ms'.padEnd(50)}    p50    p95    p99  budget\n`);
    for (const key of Object.keys(BUDGETS) as StageKey[])
      out.write(row(STAGE_NAMES[key], shipped.stages[key], String(BUDGETS[key])));
    for (const mark of MARKS) out.write(row(`… reached: ${MARK_NAMES[mark]}`, shipped.reached[mark]));
    out.write(row('network, queue, playout', shipped.networkAndQueueMs, String(report.linkMs)));
    for (const run of runs)
      out.write(
        row(
          `ANSWER ${run.title}`,
          run.answerMs,
          `${report.goalMs} ${run.answerMs.p95 < report.goalMs ? 'holds' : 'missed'}`,
        ),
      );
    const { begun, used, dropped } = shipped.prepared;
    out.write(
      `  answers begun in a pause ${begun}: used ${used}, dropped ${dropped}; patients cut off ${shipped.cutOff}\n`,
    );
  }
}

function row(name: string, { p50, p95, p99 }: Percentiles, budget = ''): string {
  return `  ${name.padEnd(50)} ${[p50, p95, p99].map((ms) => String(Math.round(ms)).padStart(6)).join(' ')}  ${budget}\n`;
}
