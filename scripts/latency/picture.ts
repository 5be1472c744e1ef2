import { writePicture } from '../plot.ts';
import { MARK_NAMES } from './latency-report.ts';
import type { LatencyReport, LatencySummary } from './latency-report.ts';

/** Where the time goes from the last word to the ear: for each step of the median and of the slow turn, what it added. */
export async function drawWaterfall(file: string, report: LatencyReport): Promise<void> {
  const panel = (title: string, summary: LatencySummary) => ({
    kind: 'bars' as const, title, unit: 'ms',
    categories: ['p50', 'p95', 'p99'],
    series: stepsOf(summary).map(({ name, values }) => ({ name, values })),
  });
  await writePicture(file, {
    title: 'From the last word to the ear',
    subtitle: `${report.overlap.turns} turns each, link ${report.linkMs} ms there and back, budgets are the ${report.stages} of each stage`,
    panels: [panel('As the server works', report.overlap), panel('With nothing overlapping', report.oneAfterAnother)],
  });
}

/** What each step adds after all that came before it; what was done meanwhile adds nothing. */
function stepsOf(summary: LatencySummary): { name: string; values: number[] }[] {
  const quantiles = ['p50', 'p95', 'p99'] as const;
  const reached = Object.entries(summary.reached) as [keyof typeof MARK_NAMES, LatencySummary['answerMs']][];
  const ends = [...reached.map(([mark, at]) => ({ name: MARK_NAMES[mark], at })), { name: 'at the ear', at: summary.answerMs }];
  const so = { p50: 0, p95: 0, p99: 0 };
  return ends.map(({ name, at }) => ({
    name,
    values: quantiles.map((quantile) => {
      const added = Math.max(0, at[quantile] - so[quantile]);
      so[quantile] += added;
      return Math.round(added);
    }),
  }));
}
