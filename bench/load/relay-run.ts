import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { processCost } from '../lib/process-cost.ts';
import { ROOT } from '../../scripts/programs.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import { percentiles } from '../../test/lib/statistics.ts';
import type { Percentiles } from '../../test/lib/statistics.ts';
import type { PhoneProcesses } from './phone-processes.ts';
import type { RelayOrder } from './relay.ts';

export interface RelayRun {
  readonly cpuSecondsPerMinute: number;
  readonly memoryMb: number;
  readonly roundTripMs: Percentiles;
  readonly limits: readonly GeneratorLimit[];
}

/**
 * The phones' processes say to a bare relay what they said to the server, and are answered as much.
 * @param folder the server's data folder: the relay shows the same certificate
 */
export async function runRelay(
  folder: string,
  phones: PhoneProcesses,
  rampMs: number,
  progress: (what: string, done: number) => void,
): Promise<RelayRun> {
  const relay = fork(join(ROOT, 'bench/load/relay.ts'), {
    execArgv: ['--import=tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const order: RelayOrder = { certFile: join(folder, 'server.pem'), keyFile: join(folder, 'server-key.pem') };
    relay.send(order);
    const { port } = await listening(relay);
    progress('connecting to a bare relay', 0);
    await phones.connect(`wss://127.0.0.1:${port}`, join(folder, 'ca.pem'), rampMs);
    progress('the same frames through a bare relay', 0.5);
    const before = { cost: processCost(relay.pid!), atMs: performance.now() };
    const { roundTripMs, limits } = await phones.play();
    const after = { cost: processCost(relay.pid!), atMs: performance.now() };
    progress('the same frames through a bare relay', 1);
    return {
      cpuSecondsPerMinute: (after.cost.cpuSeconds - before.cost.cpuSeconds) / ((after.atMs - before.atMs) / 60_000),
      memoryMb: after.cost.shareMb,
      roundTripMs: percentiles(roundTripMs),
      limits,
    };
  } finally {
    relay.kill('SIGKILL');
  }
}

function listening(relay: ChildProcess): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    relay.once('message', (message) => resolve(message as { port: number }));
    relay.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
  });
}
