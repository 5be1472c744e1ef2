import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Each file's relative imports, types included, as they stand in the text. */
function importsOf(files: ReadonlySet<string>): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const targets = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path]) =>
      join(dirname(file), path!),
    );
    imports.set(
      file,
      targets.filter((target) => files.has(target)),
    );
  }
  return imports;
}

/** @returns a way round that comes back to where it began; undefined: there is none */
function cycleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    way.push(file);
    for (const target of imports.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle !== undefined) return cycle;
    }
    way.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe('imports', () => {
  it('go round in no circle, those of types included', () => {
    const listed = execFileSync('git', ['ls-files', '*.ts', '*.mjs'], { cwd: ROOT, encoding: 'utf8' });
    const cycle = cycleIn(importsOf(new Set(listed.trim().split('\n'))));
    assert.equal(cycle?.join(' -> '), undefined);
  });

  it('that go round are found', () => {
    const circle = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['a']],
    ]);
    assert.deepEqual(cycleIn(circle), ['a', 'b', 'c', 'a']);
  });
});
