/** What a run measures: how the services' times lie about their budgets, and which means against them are on. */
export interface LatencyRun {
  readonly key: string;
  readonly title: string;
  /** A stage keeps its budget 19 times of 20, or every second time. */
  readonly budgetIs: 'p95' | 'median';
  /** Text is understood while it is spoken, and spoken while it is made. */
  readonly streaming: boolean;
  /** Answers are begun in the patient's pause. */
  readonly prepare: boolean;
  /** A slow service is asked several times at once. */
  readonly race: boolean;
}

const BY_DEFAULT = { streaming: true, prepare: true, race: true };

const MEANS = [
  { key: 'as-shipped', title: 'as the server works by default', ...BY_DEFAULT },
  { key: 'not-raced', title: '… slow services asked once (--race never)', ...BY_DEFAULT, race: false },
  {
    key: 'not-prepared',
    title: '… and no answer begun in a pause (--prepare never)',
    ...BY_DEFAULT,
    race: false,
    prepare: false,
  },
  { key: 'one-after-another', title: '… and nothing overlapping', streaming: false, prepare: false, race: false },
] as const;

export const RUNS: readonly LatencyRun[] = (['p95', 'median'] as const).flatMap((budgetIs) =>
  MEANS.map((means) => ({ ...means, budgetIs })),
);
