import { spawnSync } from 'node:child_process';

const REAL_TIME = ['chrt', '--rr', '5'];

/**
 * The words before a command that run it ahead of whatever else this machine does, where that is allowed: a phone has
 * its board to itself, and what is measured is the phone. None where it is not allowed.
 */
export function aheadOfOthers(): readonly string[] {
  return spawnSync(REAL_TIME[0]!, [...REAL_TIME.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? REAL_TIME : [];
}

/** The same for a process that runs, and for what it starts from now on. @returns whether it is allowed */
export function putAheadOfOthers(pid: number | string): boolean {
  return spawnSync('chrt', ['--rr', '--all-tasks', '--pid', '6', String(pid)], { stdio: 'ignore' }).status === 0;
}
