import type { Script } from './script.ts';
import type { Violation } from './violation.ts';
import { World } from './world.ts';
import type { RunCounters } from './world.ts';

export interface RunResult {
  readonly violations: readonly Violation[];
  /** Of scripted time; what follows the last hang-up is not counted. */
  readonly virtualMs: number;
  readonly counters: RunCounters;
  /** The same script gives the same digest, on every machine. */
  readonly digest: string;
}

/** Plays one script against the real phone and the real server. Whatever they throw is a violation, not an error. */
export async function run(script: Script): Promise<RunResult> {
  const world = new World(script);
  try {
    await world.run();
  } catch (error) {
    world.verdict.fail(3, 'crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return {
    violations: world.verdict.violations,
    virtualMs: script.lengthMs,
    counters: world.counters(),
    digest: world.trace.digest,
  };
}
