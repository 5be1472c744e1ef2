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
  /** Processor time it took. */
  readonly cpuMs: number;
}

process.on('message', ({ fromSeed, count }: Task) => {
  void (async () => {
    const results: SeedResult[] = [];
    for (let seed = fromSeed; seed < fromSeed + count; seed++) {
      const before = process.cpuUsage();
      const result = await run(scriptOf(seed));
      const { user, system } = process.cpuUsage(before);
      results.push({ seed, ...result, cpuMs: (user + system) / 1_000 });
    }
    process.send!(results);
  })();
});
process.on('disconnect', () => process.exit(0));
