import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop ran its timers, ms: a process that is late for a 20 ms frame is audible. */
export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** @returns a function that tells of the time since it was last asked */
export function watchEventLoop(): () => EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return () => {
    // It measures from one of its timers to the next, so on time is its resolution.
    const lateMs = (ns: number): number => Math.max(0, Math.round((ns / NS_PER_MS - RESOLUTION_MS) * 100) / 100);
    const delay = {
      p50Ms: lateMs(histogram.percentile(50)),
      p99Ms: lateMs(histogram.percentile(99)),
      maxMs: lateMs(histogram.max),
    };
    histogram.reset();
    return delay;
  };
}
