import { readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import type { Mutant } from './mutants.ts';
import type { RunResult } from './run.ts';
import type { Script } from './script.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The simulator around a broken phone or server. */
export interface BrokenSimulation {
  run(script: Script): Promise<RunResult>;
}

/** Bundles the simulator with the mutant's edits in place. @throws when an expression to be replaced is not there exactly once */
export async function loadMutant(mutant: Mutant): Promise<BrokenSimulation> {
  const applied = new Set<string>();
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, 'run.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [edits(mutant, applied)],
  });
  const missing = mutant.edits.find(({ file }) => !applied.has(file));
  if (missing !== undefined) throw new Error(`${mutant.name}: ${missing.file} is no part of the simulation`);
  return (await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`
  )) as BrokenSimulation;
}

function edits(mutant: Mutant, applied: Set<string>): Plugin {
  return {
    name: 'edits',
    setup(context) {
      context.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(ROOT, path).split(sep).join('/');
        const wanted = mutant.edits.filter((edit) => edit.file === file);
        if (wanted.length === 0) return undefined;
        applied.add(file);
        return {
          loader: 'ts',
          contents: wanted.reduce(
            (source, { find, replace }) => edited(source, find, replace, file),
            readFileSync(path, 'utf8'),
          ),
        };
      });
    },
  };
}

function edited(source: string, find: string, replace: string, file: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times what a mutant replaces: ${find}`);
  return parts.join(replace);
}
