import { run } from './run.ts';
import type { RunResult } from './run.ts';
import { scriptOf } from './script.ts';

/** What the parent asks of a worker process: a few seeds at a time. */
export interface Task {
  readonly fromSeed: number;
  readonly count: number;
}

export interface SeedResult extends RunResult {
  readonly seed: number;
}

process.on('message', ({ fromSeed, count }: Task) => {
  void (async () => {
    const results: SeedResult[] = [];
    for (let seed = fromSeed; seed < fromSeed + count; seed++) results.push({ seed, ...(await run(scriptOf(seed))) });
    process.send!(results);
  })();
});
process.on('disconnect', () => process.exit(0));
