import { parseArgs } from 'node:util';

/** `--json`, and `--NAME N` for each number a benchmark takes; `--help` names them. */
export function options<T extends Record<string, number>>(numbers: T): T & { readonly json: boolean } {
  const values = read(Object.keys(numbers));
  if (values['help'] === true) {
    const named = Object.entries(numbers).map(([name, byDefault]) => `[--${name} N (${byDefault})]`);
    process.stdout.write(`options: ${['[--json]', ...named].join(' ')}\n`);
    process.exit(0);
  }
  const given = Object.entries(numbers).map(([name, byDefault]) => [name, positive(name, values[name], byDefault)]);
  return { ...Object.fromEntries(given), json: values['json'] === true } as T & { readonly json: boolean };
}

function read(names: readonly string[]): Record<string, unknown> {
  const flags = { json: { type: 'boolean' as const }, help: { type: 'boolean' as const } };
  try {
    const named = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    return parseArgs({ options: { ...named, ...flags } }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

function positive(name: string, text: unknown, byDefault: number): number {
  const value = text === undefined ? byDefault : Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} takes a whole number over 0, not '${String(text)}'\n`);
  process.exit(2);
}
