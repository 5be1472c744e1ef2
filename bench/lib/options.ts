import { parseArgs } from 'node:util';

/** `--json`, and `--NAME N` for each number a benchmark takes. */
export function options<T extends Record<string, number>>(numbers: T): T & { readonly json: boolean } {
  const named = Object.fromEntries(Object.keys(numbers).map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ options: { json: { type: 'boolean' as const, default: false }, ...named } });
  const given = Object.entries(numbers).map(([name, byDefault]) => [
    name,
    positive(name, (values as Record<string, unknown>)[name], byDefault),
  ]);
  return { ...Object.fromEntries(given), json: values.json } as T & { readonly json: boolean };
}

function positive(name: string, text: unknown, byDefault: number): number {
  const value = text === undefined ? byDefault : Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} takes a whole number over 0, not '${String(text)}'\n`);
  process.exit(2);
}
