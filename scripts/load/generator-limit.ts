import type { monitorEventLoopDelay } from 'node:perf_hooks';

/** How far a process that makes load was from its own limit: if it was near, what it measured was itself. */
export interface GeneratorLimit {
  /** Of one core. */
  readonly cpuShare: number;
  /** How late its timers were, ms. */
  readonly loopDelayP99Ms: number;
}

export function generatorLimit(delay: ReturnType<typeof monitorEventLoopDelay>, cpu: NodeJS.CpuUsage, elapsedMs: number): GeneratorLimit {
  delay.disable();
  return {
    cpuShare: Math.round(((cpu.user + cpu.system) / 1_000 / elapsedMs) * 1_000) / 1_000,
    // The histogram's values include its own resolution.
    loopDelayP99Ms: Math.round((delay.percentile(99) / 1e6 - 5) * 10) / 10,
  };
}
