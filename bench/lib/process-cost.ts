import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a process and everything below it has used, as the kernel counts it. */
export interface ProcessCost {
  /** User and system. */
  readonly cpuSeconds: number;
  /** Highest and present resident memory of the process itself. */
  readonly peakMb: number;
  readonly residentMb: number;
  /** Proportional share (pages in common are divided among their users), with the processes below it. */
  readonly shareMb: number;
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const KB_PER_MB = 1024;

/** @throws {Error} when the process is gone */
export function processCost(pid: number): ProcessCost {
  const family = [pid, ...descendants(pid)];
  return {
    cpuSeconds: sum(family.map(cpuTicks)) / TICKS_PER_SECOND,
    peakMb: field(`/proc/${pid}/status`, 'VmHWM') / KB_PER_MB,
    residentMb: field(`/proc/${pid}/status`, 'VmRSS') / KB_PER_MB,
    shareMb: sum(family.map((each) => field(`/proc/${each}/smaps_rollup`, 'Pss'))) / KB_PER_MB,
  };
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === ''
    ? []
    : children
        .split(' ')
        .map(Number)
        .flatMap((child) => [child, ...descendants(child)]);
}

/** proc(5): after the name in brackets, which may hold spaces, utime and stime are the 12th and 13th fields; ended children follow. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return sum(fields.slice(11, 15).map(Number));
}

function field(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
