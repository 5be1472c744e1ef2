import { median } from '../../test/lib/statistics.ts';

/** What every benchmark prints: our figure beside the floor's of the same run, their ratio, and the goal. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** The same work without any code of ours; absent where there is no such thing. */
  readonly floor?: number | undefined;
  /** Ours over floor. The median of paired ratios where there are pairs, else the quotient. */
  readonly ratio?: number | undefined;
  /** The most that `ratio` may be; absent where the figure is for information. */
  readonly goal?: number | undefined;
}

export interface Result {
  readonly benchmark: string;
  /** One line: how it was measured. */
  readonly method: string;
  readonly rows: readonly Row[];
  /** What a reader has to know beside the table. */
  readonly notes?: readonly string[];
}

const HEAD = ['', 'ours', 'floor', 'ratio', 'goal', ''] as const;

export function print(result: Result, json: boolean): void {
  if (json) {
    const rows = result.rows.map((row) => ({ ...row, ratio: ratioOf(row), holds: holds(row) }));
    process.stdout.write(`${JSON.stringify({ ...result, node: process.version, rows }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(`\n${result.benchmark}: ${result.method}\n${table([[...HEAD], ...result.rows.map(cells)])}\n`);
  for (const note of result.notes ?? []) process.stdout.write(`  ${note}\n`);
}

function cells(row: Row): string[] {
  const { what, unit, ours, floor, goal } = row;
  const verdict = holds(row);
  return [
    what,
    `${digits(ours)} ${unit}`,
    floor === undefined ? '-' : `${digits(floor)} ${unit}`,
    ratioOf(row)?.toFixed(2) ?? '-',
    goal === undefined ? '-' : `<= ${goal.toFixed(2)}`,
    verdict === undefined ? '' : verdict ? 'holds' : 'MISSED',
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => `  ${row.map(pad).join('  ')}`.trimEnd()).join('\n');
}

function ratioOf({ ours, floor, ratio }: Row): number | undefined {
  return ratio ?? (floor === undefined ? undefined : ours / floor);
}

function holds(row: Row): boolean | undefined {
  const ratio = ratioOf(row);
  return row.goal === undefined || ratio === undefined ? undefined : ratio <= row.goal;
}

/** Three significant digits. */
function digits(value: number): string {
  const whole = Math.max(1, Math.floor(Math.log10(Math.abs(value) || 1)) + 1);
  return value.toFixed(Math.max(0, 3 - whole));
}

/** Medians of both, and of the ratios pair by pair: what disturbs the machine disturbs both of a pair. */
export function paired(
  what: string,
  unit: string,
  pairs: readonly (readonly [ours: number, floor: number])[],
  goal?: number,
): Row {
  return {
    what,
    unit,
    goal,
    ours: median(pairs.map(([ours]) => ours)),
    floor: median(pairs.map(([, floor]) => floor)),
    ratio: median(pairs.map(([ours, floor]) => ours / floor)),
  };
}
