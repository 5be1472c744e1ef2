import type { MeasuredTurn } from './caller.ts';
import type { LatencyRun } from './runs.ts';
import type { StageTimes } from './vendors.ts';

export const GOAL_MS = 2_000;
/** There and back. */
export const LINK_MS = 200;

/** One run's raw figures, ms. */
export interface MeasuredLatency {
  readonly run: LatencyRun;
  readonly turns: readonly MeasuredTurn[];
  readonly tookMs: StageTimes;
  readonly reportedMs: StageTimes;
  readonly prepared: PreparedCounts;
  /** Times the companion spoke before the patient was done. */
  readonly cutOff: number;
}

/** Answers begun in pauses. */
export interface PreparedCounts {
  readonly begun: number;
  readonly used: number;
  readonly dropped: number;
}

export interface MeasureOptions {
  readonly turns: number;
  readonly phones: number;
  readonly progress: (done: number) => void;
}
