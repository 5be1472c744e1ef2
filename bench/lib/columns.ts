/** A table with as many columns as the benchmark needs; numbers to the right. */
export function printColumns(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  notes: readonly string[] = [],
): void {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd();
  process.stdout.write(`\n${title}\n${all.map(line).join('\n')}\n`);
  for (const note of notes) process.stdout.write(`  ${note}\n`);
}
