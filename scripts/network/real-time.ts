import { spawnSync } from 'node:child_process';

const REAL_TIME = ['chrt', '--rr', '5'];

/**
 * The words before a command that run it ahead of whatever else this machine does, where that is allowed: a phone has
 * its board to itself, and what is measured is the phone. None where it is not allowed.
 */
export function aheadOfOthers(): readonly string[] {
  return spawnSync(REAL_TIME[0]!, [...REAL_TIME.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? REAL_TIME : [];
}
