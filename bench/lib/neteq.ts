import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { aheadOfOthers } from './real-time.ts';
import type { NetEqJob, NetEqResult } from './neteq-peer.ts';

const PEER = fileURLToPath(new URL('./neteq-peer.ts', import.meta.url));

/** Runs NetEQ on one trace, in a process of its own, in real time. */
export function runNetEq(job: NetEqJob): Promise<NetEqResult> {
  // Its timers must come in time on a busy machine too, where that is allowed: it is measured as it is at its best.
  const [program, ...args] = [...aheadOfOthers(), process.execPath, '--import=tsx', PEER];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  // A peer that fails at its start closes the pipe; its exit code says so.
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(job));
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`the NetEQ peer ended with ${code}`));
      else resolve(JSON.parse(Buffer.concat(parts).toString('utf8')) as NetEqResult);
    });
  });
}

export function asBase64(samples: Int16Array): string {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');
}

/** At most `limit` at a time, results in order. */
export async function inTurns<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: limit }, async () => {
      while (next < items.length) {
        const at = next++;
        results[at] = await work(items[at]!);
      }
    }),
  );
  return results;
}
