import { fork } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../../scripts/programs.ts';
import { missingForFirewall } from '../network/link.ts';
import { missingForNetwork } from '../network/namespaces.ts';
import { distribution } from '../statistics.ts';
import type { CutResult, LaneOrder, LaneResult } from './lane.ts';

/**
 * How soon after the link's return the answer goes on in the phone's speaker, over many cuts
 * of a real link between the two real ends: pulled out (the interface reports its return) or swallowing every packet
 * (nobody reports it, and the phone's schedule decides).
 */
export interface ResumeTimes {
  readonly reported: boolean;
  readonly cuts: readonly CutResult[];
  readonly misheard: number;
}

/** The promise of the phone where the interface reports its return; ms, at p95. */
export const HEARD_WITHIN_MS = 1_000;

/** @returns why it cannot be measured here; undefined when it can */
export function missingForResumeTime(): string | undefined {
  return missingForNetwork() ?? missingForFirewall();
}

/** @param lanes phones and servers at work at the same time */
export async function measureResumeTime(
  reported: boolean,
  cuts: number,
  lanes: number,
  outageMs: LaneOrder['outageMs'] = [8_000, 14_000],
): Promise<ResumeTimes> {
  const orders = Array.from({ length: lanes }, (_, lane): LaneOrder => ({
    reported,
    outageMs,
    cuts: Math.floor(cuts / lanes) + (lane < cuts % lanes ? 1 : 0),
  }));
  const results = await Promise.all(orders.filter((order) => order.cuts > 0).map(lane));
  return {
    reported,
    cuts: results.flatMap((result) => result.cuts),
    misheard: results.reduce((sum, { misheard }) => sum + misheard, 0),
  };
}

function lane(order: LaneOrder): Promise<LaneResult> {
  return new Promise((resolve, reject) => {
    const child = fork(join(ROOT, 'test/lib/resume/lane.ts'), { execArgv: ['--import=tsx'], cwd: ROOT });
    child.once('message', (result) => resolve(result as LaneResult));
    child.once('exit', (code) => {
      if (code !== 0) reject(new Error(`a lane ended with ${code}`));
    });
    child.send(order);
  });
}

export function describeTimes({ reported, cuts, misheard }: ResumeTimes): string {
  const { median, p95, max } = distribution(cuts.map(({ heardMs }) => heardMs));
  const helloes = cuts.flatMap(({ heardAfterHelloMs }) => heardAfterHelloMs ?? []);
  const afterHello = distribution(helloes);
  return (
    `${reported ? 'reported by the interface' : 'reported by nobody'}: ${cuts.length} cuts; the answer goes on after the link's return: median ${ms(median)}, p95 ${ms(p95)}, max ${ms(max)}; ` +
    `after the hello that succeeded (${helloes.length}): median ${ms(afterHello.median)}, p95 ${ms(afterHello.p95)}, max ${ms(afterHello.max)}; ${misheard} frames not heard once and in order`
  );
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : 'never';
}
