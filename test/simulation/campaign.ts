import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedResult, Task } from './seeds-worker.ts';

const WORKER = fileURLToPath(new URL('seeds-worker.ts', import.meta.url));
/** Few enough that a bar moves and the last worker is not waited for, enough that messages cost nothing. */
const SEEDS_A_TASK = 5;

/** Runs `seeds` scripts from `fromSeed` on in `jobs` processes; `done` is told of each. */
export async function campaign(
  fromSeed: number,
  seeds: number,
  jobs: number,
  done: (result: SeedResult) => void,
): Promise<void> {
  let next = fromSeed;
  const takeTask = (): Task | undefined => {
    if (next >= fromSeed + seeds) return undefined;
    const task = { fromSeed: next, count: Math.min(SEEDS_A_TASK, fromSeed + seeds - next) };
    next += task.count;
    return task;
  };
  const workers = Array.from({ length: Math.min(jobs, Math.ceil(seeds / SEEDS_A_TASK)) }, () => work(takeTask, done));
  await Promise.all(workers);
}

function work(takeTask: () => Task | undefined, done: (result: SeedResult) => void): Promise<void> {
  const child: ChildProcess = fork(WORKER, {
    execArgv: ['--import=tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let task: Task | undefined;
  const feed = (): void => {
    task = takeTask();
    if (task === undefined) child.disconnect();
    else child.send(task);
  };
  return new Promise((resolve, reject) => {
    child.on('message', (results: SeedResult[]) => {
      results.forEach(done);
      feed();
    });
    child.on('exit', (code) => {
      if (task === undefined) resolve();
      else
        reject(
          new Error(
            `a worker ended with code ${code} among seeds ${task.fromSeed} to ${task.fromSeed + task.count - 1}; run these alone`,
          ),
        );
    });
    child.on('error', reject);
    feed();
  });
}
