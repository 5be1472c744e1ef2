import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../../common/src/time/clock.ts';

/**
 * Sound processes that were killed and are not gone yet: a driver that hangs holds them in the kernel (state D), and
 * every other would only join them. Two, and no third is started. The daemon has one of these for its whole life:
 * each lift of the receiver brings a stream of its own, and all of them share one memory limit.
 */
export class Unreaped {
  readonly #leftOver: () => number;
  #count = 0;
  #fullSinceMs: number | undefined;

  /** @param leftOver how many an earlier daemon of this service has left */
  constructor(leftOver: () => number = () => 0) {
    this.#leftOver = leftOver;
  }

  /** @param gone resolves when the killed process has ended */
  add(gone: Promise<void>): void {
    this.#count++;
    void gone.then(() => this.#count--);
  }

  /** @returns that no other may be started */
  isFull(clock: Clock): boolean {
    const full = this.#count + this.#leftOver() >= MOST;
    if (full) this.#fullSinceMs ??= clock.now();
    else this.#fullSinceMs = undefined;
    return full;
  }

  /** Full for so long that these will not end by themselves. */
  isStuck(clock: Clock): boolean {
    return this.#fullSinceMs !== undefined && clock.now() - this.#fullSinceMs >= STUCK_AFTER_MS;
  }
}

/**
 * Processes of this service that an earlier run of it left in the kernel: systemd starts it again beside them. Taken once,
 * before a child is started; asked again, it says how many of those are still held. Not for a daemon in a terminal, whose
 * control group holds the whole session.
 */
export function leftOverProcesses(env = process.env, root = '/'): () => number {
  if (env['INVOCATION_ID'] === undefined) return () => 0;
  let held = othersInGroup(root).filter((pid) => isHeld(pid, root));
  return () => {
    held = held.filter((pid) => isHeld(pid, root));
    return held.length;
  };
}

const MOST = 2;
/** A write to a slow card ends within seconds, and with it the process. ms */
const STUCK_AFTER_MS = 10_000;

function othersInGroup(root: string): string[] {
  const group = /^0::(.*)$/m.exec(textOf(join(root, 'proc/self/cgroup')))?.[1];
  if (group === undefined) return [];
  const pids = textOf(join(root, 'sys/fs/cgroup', group, 'cgroup.procs')).split('\n');
  return pids.filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid);
}

/** From `stat`: to read the command line of a process in state D may hang as well. */
function isHeld(pid: string, root: string): boolean {
  return /\) D /.test(textOf(join(root, 'proc', pid, 'stat')));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // It has ended, or this system has no such thing.
  }
}
