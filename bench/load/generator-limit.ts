import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** How far a process that makes load was from its own limit: if it was near, what it measured was itself. */
export interface GeneratorLimit {
  /** Of one core. */
  readonly cpuShare: number;
  /** How late its timers were, ms. */
  readonly loopDelayP50Ms: number;
  readonly loopDelayP99Ms: number;
}

/** Watches this process from now on. @returns ends it */
export function watchGenerator(): () => GeneratorLimit {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const before = process.cpuUsage();
  const startMs = performance.now();
  return () => {
    delay.disable();
    const { user, system } = process.cpuUsage(before);
    const late = (percentile: number): number =>
      Math.max(0, Math.round((delay.percentile(percentile) / 1e6 - RESOLUTION_MS) * 10) / 10);
    return {
      cpuShare: Math.round(((user + system) / 1_000 / (performance.now() - startMs)) * 1_000) / 1_000,
      loopDelayP50Ms: late(50),
      loopDelayP99Ms: late(99),
    };
  };
}

/** The histogram's values include it. */
const RESOLUTION_MS = 5;
