import { readFileSync, readdirSync } from 'node:fs';

/**
 * How long processes were ready to run and had to wait for a core, from /proc/PID/schedstat. A sound server that waits
 * loses sound whatever the phone does, so a real-time test that failed meanwhile has told nothing.
 */
export class CpuWait {
  readonly #pids: () => readonly number[];
  readonly #startMs = performance.now();
  readonly #before: ReadonlyMap<number, number>;

  /** @param pids asked again at the end: a process that came in between counts from its start */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#before = new Map(pids().map((pid) => [pid, waitedMs(pid)]));
  }

  /** Share of the time since the start that the worst of the processes waited, 0 … 1. */
  share(): number {
    const waited = this.#pids().map((pid) => waitedMs(pid) - (this.#before.get(pid) ?? 0));
    return Math.max(0, ...waited) / (performance.now() - this.#startMs);
  }
}

/** Processes whose environment holds this text. */
export function pidsWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && read(`/proc/${entry}/environ`).includes(text))
    .map(Number);
}

/** 0 for a process that is gone, and for a kernel that does not keep count. */
function waitedMs(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e6;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
