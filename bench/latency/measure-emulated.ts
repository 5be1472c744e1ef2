import { mkdirSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { FileRegistry } from '../../server-stub/src/cluster/file-registry.ts';
import { SERVER_IP, startEmulator } from '../../test/lib/network/emulator.ts';
import type { EmulatorStatistics } from '../../test/lib/network/emulator.ts';
import { inside, openNamespaces } from '../../test/lib/network/namespaces.ts';
import type { Namespaces } from '../../test/lib/network/namespaces.ts';
import { aheadOfOthers } from '../lib/real-time.ts';
import { exitOf, ROOT } from '../../scripts/programs.ts';
import { LINK_MS } from './measured.ts';
import type { MeasuredLatency, MeasureOptions } from './measured.ts';
import type { PhonesNews, PhonesOrder } from './phones-process.ts';
import type { LatencyRun } from './runs.ts';
import type { ServerNews, ServerOrder } from './server-process.ts';

/** The emulated network while it is there. */
export interface EmulatedNetwork {
  measure(run: LatencyRun, options: MeasureOptions): Promise<MeasuredLatency>;
  close(): Promise<EmulatorStatistics>;
}

/** Two network namespaces and 100 ms each way between them, nothing lost. */
export async function openEmulatedNetwork(): Promise<EmulatedNetwork> {
  const namespaces = openNamespaces('cubic');
  // Ends what runs inside too.
  process.once('exit', () => namespaces.close());
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
  const emulator = await startEmulator(namespaces, ['--delay-ms', String(LINK_MS / 2), '--loss', '0']);
  return {
    measure: (run, options) => measure(namespaces, run, options),
    async close() {
      const statistics = await emulator.stop();
      namespaces.close();
      return statistics;
    },
  };
}

/** A real server with its fake vendors in one namespace, phones in the other. */
async function measure(
  namespaces: Namespaces,
  run: LatencyRun,
  { turns, phones, progress }: MeasureOptions,
): Promise<MeasuredLatency> {
  const folder = join(ROOT, 'out/latency', `${run.budgetIs}-${run.key}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const devices = await addDevices(folder, phones);
  const server = startProcess<ServerNews>(namespaces.server, 'server-process.ts', {
    run,
    folder,
    host: SERVER_IP,
  } satisfies ServerOrder);
  try {
    const listening = await server.news('listening');
    const talkers = startProcess<PhonesNews>(namespaces.phone, 'phones-process.ts', {
      url: listening.url,
      caFile: listening.caFile,
      devices,
      turns,
    } satisfies PhonesOrder);
    talkers.listen((news) => {
      if (news.type === 'progress') progress(news.done);
    });
    const { turns: measured, cutOff } = await talkers.news('turns');
    server.child.stdin!.end();
    const { tookMs, reportedMs, prepared } = await server.news('services');
    return { run, turns: measured, tookMs, reportedMs, prepared, cutOff };
  } finally {
    server.child.kill('SIGKILL');
  }
}

async function addDevices(folder: string, count: number): Promise<PhonesOrder['devices']> {
  const registry = new FileRegistry(folder);
  const devices: { id: string; key: string }[] = [];
  for (let index = 0; index < count; index++) devices.push(await registry.add());
  return devices;
}

interface Started<News extends { readonly type: string }> {
  readonly child: ChildProcess;
  listen(listener: (news: News) => void): void;
  /** @throws {Error} when the process ends before */
  news<T extends News['type']>(type: T): Promise<Extract<News, { type: T }>>;
}

/** News come as lines of JSON; the order goes in by standard input, because keys stand in it. */
function startProcess<News extends { readonly type: string }>(
  namespace: string,
  script: string,
  order: object,
): Started<News> {
  const [command, ...args] = [
    ...inside(namespace),
    ...aheadOfOthers(),
    process.execPath,
    '--import=tsx',
    join(ROOT, 'scripts/latency', script),
  ];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const known: News[] = [];
  const listeners = new Set<(news: News) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const news = JSON.parse(line) as News;
    known.push(news);
    for (const listener of listeners) listener(news);
  });
  child.stdin.write(`${JSON.stringify(order)}\n`);
  return {
    child,
    listen: (listener) => void listeners.add(listener),
    news: (type) =>
      new Promise((resolve, reject) => {
        const look = (news: News): void => {
          if (news.type === type) resolve(news as Extract<News, { type: typeof type }>);
        };
        known.forEach(look);
        listeners.add(look);
        void exitOf(child).then((code) =>
          reject(new Error(`scripts/latency/${script} ended with ${code}; what it said is above`)),
        );
      }),
  };
}
